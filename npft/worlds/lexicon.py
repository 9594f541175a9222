"""The words of TinyWorld: plain data that a teacher can read and extend.

A topic has agents, nouns, verbs and places. ``|`` ends an entry and the words of one entry are
synonyms: the grammar uses them freely for one another. What stands after ``:`` is a preference: the
two adjectives that go with a noun, the nouns that go with a verb (named by their first synonym).

A content word belongs to one topic, save the ambiguous words of ``SENSES``, which are synonyms of
one noun in each of their topics. To add a topic, add an entry; nothing else has to change.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

TOPICS: dict[str, dict[str, str]] = {
    "money": {
        "agents": "teller cashier | banker financier | investor shareholder | auditor accountant",
        "nouns": """
            cash money funds: spare hidden | loan credit mortgage: risky costly |
            invoice bill receipt: overdue costly | fee charge toll: modest overdue |
            tax duty levy: annual costly | debt arrears liability: overdue risky |
            wage salary pay: monthly modest | coin penny cent: spare hidden |
            cheque banknote note: hidden valuable | share stock bond: risky valuable |
            pension annuity endowment: monthly annual | budget allowance quota: annual modest |
            profit gain dividend: annual sudden | loss deficit shortfall: sudden costly |
            price cost tariff: modest sudden | savings deposit reserve: hidden spare |
            lender bank creditor: private risky | contract lease deed: private annual |
            interest yield premium: monthly modest | gold bullion silver: valuable private""",
        "verbs": """
            pays settles: invoice fee tax debt wage | borrows: cash loan gold coin savings |
            invests stakes: savings cash profit gold pension |
            counts tallies: coin cheque cash profit loss |
            earns receives: wage interest profit pension cash | owes: debt tax loan fee interest |
            audits reviews: budget invoice loss contract lender |
            lowers cuts: price fee tax interest budget |
            signs endorses: contract cheque loan invoice pension |
            sells trades: share gold contract lender coin |
            forecasts estimates: profit loss price interest tax |
            trusts: lender pension contract share budget""",
        "places": "counter vault exchange treasury kiosk boardroom",
    },
    "river": {
        "agents": "angler fisherman | boatman ferryman | ranger warden | rower paddler",
        "nouns": """
            water stream brook: clear deep | shore bank riverside: muddy steep |
            trout bass salmon: wild slippery | heron crane egret: wild slender |
            otter seal beaver: slippery wild | source spring wellspring: clear cold |
            current flow tide: swift deep | net trawl snare: tangled muddy |
            boat canoe dinghy: wooden slender | oar paddle: wooden slippery |
            bridge footbridge span: wooden steep | reed rush sedge: slender tangled |
            pebble stone rock: slippery clear | flood deluge overflow: swift cold |
            fog mist haze: cold deep | frog toad newt: slippery wild |
            dam weir barrage: steep deep | anchor mooring grapnel: muddy cold |
            lily waterlily lotus: slender wild | bait lure worm: tangled slippery""",
        "verbs": """
            catches hooks: trout frog bait otter lily |
            crosses fords: water current bridge shore flood |
            watches observes: heron otter fog flood trout | steers: boat anchor oar current net |
            casts flings: net bait anchor pebble oar | repairs mends: boat net bridge dam oar |
            follows traces: current water source shore otter |
            builds erects: dam bridge boat net anchor | gathers: pebble reed lily bait water |
            fears dreads: flood fog current otter dam |
            photographs sketches: heron lily bridge frog shore |
            drains: dam water source flood reed""",
        "places": "estuary jetty wharf boathouse riverbed wetland",
    },
    "music": {
        "agents": "pianist violinist | singer vocalist | conductor maestro | drummer percussionist",
        "nouns": """
            song tune melody: gentle haunting | cello bass viola: mellow antique |
            tone note chord: mellow loud | key pitch tonality: mellow steady |
            album record disc: rare famous | recording track tape: rare muffled |
            piano keyboard clavier: antique loud | guitar lute banjo: antique mellow |
            drum cymbal tambourine: loud muffled | flute clarinet oboe: gentle antique |
            trumpet horn trombone: loud famous | concert gig recital: famous lively |
            rhythm beat tempo: lively steady | choir chorus ensemble: lively gentle |
            lyric verse refrain: haunting simple | score manuscript: rare simple |
            symphony sonata concerto: famous haunting |
            amplifier speaker microphone: loud muffled | applause ovation encore: loud lively |
            rehearsal practice audition: steady simple""",
        "verbs": """
            sings hums: song lyric tone symphony rhythm |
            performs renders: symphony song concert rhythm score |
            tunes adjusts: piano guitar cello amplifier key |
            composes: symphony song score lyric rhythm |
            releases issues: album recording song concert symphony |
            strums plucks: guitar cello tone key rhythm |
            conducts leads: choir concert rehearsal symphony rhythm |
            hears enjoys: concert song choir trumpet applause |
            rehearses practises: symphony score song lyric concert |
            polishes dusts: trumpet flute piano album drum |
            amplifies: tone flute trumpet applause drum |
            copies transcribes: score lyric song tone key""",
        "places": "studio auditorium bandstand conservatory opera ballroom",
    },
    "sport": {
        "agents": "striker forward | goalkeeper defender | coach trainer | referee umpire",
        "nouns": """
            ball football puck: fast heavy | racket bat club: heavy broken |
            hand palm fist: bruised strong | field pitch turf: level soggy |
            milestone record feat: unbeaten official | lap track circuit: level fast |
            goal shot penalty: fast decisive | match game fixture: decisive tense |
            team squad side: unbeaten strong | trophy medal cup: official heavy |
            jersey shirt kit: soggy official | race sprint marathon: tense fast |
            rival opponent challenger: strong unbeaten | injury sprain fracture: broken heavy |
            pass serve throw: fast decisive | helmet pad glove: heavy broken |
            tactic strategy formation: decisive strong | foul offence violation: tense bruised |
            league tournament championship: official tense |
            whistle siren buzzer: official broken""",
        "verbs": """
            kicks strikes: ball goal pass helmet racket | blocks: goal pass ball foul tactic |
            wins clinches: match race trophy league milestone |
            loses forfeits: match race trophy ball league |
            swings grips: racket hand ball helmet trophy |
            trains drills: team hand rival tactic pass |
            defeats overcomes: rival team injury league milestone |
            wears dons: jersey helmet whistle trophy racket |
            runs jogs: lap race field milestone tactic | penalises: foul rival team pass tactic |
            breaks shatters: milestone racket helmet whistle injury |
            inspects: field lap ball jersey injury""",
        "places": "stadium gymnasium arena clubhouse grandstand locker",
    },
    "farm": {
        "agents": "farmer grower | shepherd herdsman | vet veterinarian | milkmaid dairymaid",
        "nouns": """
            cow ox heifer: hungry sturdy | sheep lamb ewe: woolly hungry |
            livestock stock cattle: hungry healthy | moth bat owl: tiny hungry |
            rodent mouse rat: tiny hungry | beak bill snout: pointed tiny |
            springtime spring thaw: early dry | wheat barley oats: ripe dry |
            hay straw fodder: dry early | tractor plough harvester: rusty sturdy |
            fence hedge gate: rusty sturdy | hen chicken rooster: healthy tiny |
            pig hog sow: healthy hungry | horse pony mare: sturdy healthy |
            seed sapling seedling: tiny early | apple pear plum: ripe early |
            manure compost dung: dry fertile | soil earth clay: fertile dry |
            fleece wool hide: woolly healthy | bucket pail trough: rusty sturdy""",
        "verbs": """
            feeds nourishes: cow sheep livestock pig hen |
            shears clips: sheep fleece fence horse livestock |
            tills cultivates: soil wheat seed apple manure |
            sows plants: seed wheat apple hay soil | harvests reaps: wheat hay apple seed fleece |
            rides saddles: horse tractor cow livestock | breeds rears: sheep pig hen horse cow |
            chases hunts: rodent moth hen pig sheep |
            awaits welcomes: springtime wheat livestock seed hen |
            shovels: manure hay soil wheat bucket | vaccinates: horse cow beak pig sheep |
            hauls patches: fence bucket tractor hay manure""",
        "places": "barn stable pasture meadow henhouse silo",
    },
    "kitchen": {
        "agents": "chef caterer | baker confectioner | waiter waitress | butcher grocer",
        "nouns": """
            soup stew chowder: salty creamy | broth stock bouillon: salty steaming |
            bread loaf bun: stale crisp | jelly jam marmalade: sweet sticky |
            fig date raisin: sweet sticky | wine port sherry: sweet chilled |
            cake tart pie: creamy sweet | meat beef steak: juicy spicy |
            cheese cheddar brie: creamy stale | sauce gravy dressing: spicy creamy |
            onion garlic leek: crisp spicy | potato carrot turnip: crisp steaming |
            pan skillet wok: greasy steaming | knife cleaver peeler: greasy sticky |
            plate dish bowl: greasy chilled | oven stove grill: steaming greasy |
            flour sugar yeast: stale sticky | butter margarine lard: creamy salty |
            rice pasta noodle: steaming salty | tea coffee cocoa: chilled juicy""",
        "verbs": """
            cooks simmers: soup broth rice meat sauce |
            bakes toasts: bread cake potato cheese flour |
            chops slices: onion potato meat bread fig | stirs whisks: soup sauce tea jelly broth |
            tastes samples: soup wine cheese sauce jelly |
            fries roasts: meat onion potato rice fig | washes rinses: plate pan knife rice onion |
            peels dices: potato onion fig cheese meat | pours ladles: tea wine soup sauce broth |
            scrubs heats: pan oven plate knife butter | melts: butter cheese jelly sauce flour |
            eats devours: cake meat bread rice cheese""",
        "places": "kitchen pantry bakery canteen bistro larder",
    },
    "travel": {
        "agents": "tourist traveller | pilot aviator | driver chauffeur | guide courier",
        "nouns": """
            ticket fare reservation: cheap valid | train tram locomotive: crowded delayed |
            plane jet airliner: delayed luxurious | queue jam congestion: delayed crowded |
            harbour port marina: scenic foreign | hoist crane forklift: bulky narrow |
            coconut palm cypress: tropical scenic | rail track siding: narrow remote |
            luggage suitcase backpack: bulky cheap | passport visa permit: valid foreign |
            hotel hostel inn: luxurious cheap | beach lagoon island: tropical remote |
            mountain peak summit: scenic distant | map atlas guidebook: foreign bulky |
            road highway motorway: narrow scenic | bus taxi minibus: crowded delayed |
            journey voyage trip: luxurious distant | border frontier checkpoint: remote distant |
            souvenir postcard trinket: cheap tropical | cabin tent caravan: narrow luxurious""",
        "verbs": """
            books reserves: ticket hotel journey cabin plane | boards: train plane bus cabin |
            visits explores: beach mountain harbour border hotel |
            packs unpacks: luggage passport map souvenir cabin |
            misses: train plane bus journey harbour | drives parks: bus cabin train road hoist |
            reaches approaches: mountain border harbour beach queue |
            admires praises: mountain coconut beach harbour souvenir |
            buys purchases: souvenir ticket map luggage coconut |
            shows presents: passport ticket map souvenir luggage |
            unloads lifts: luggage hoist plane cabin bus |
            avoids bypasses: queue road border rail journey""",
        "places": "airport station terminal lounge embassy seaside",
    },
    "office": {
        "agents": "secretary receptionist | manager director | lawyer solicitor | engineer planner",
        "nouns": """
            keypad mouse touchpad: wireless faulty | memo note reminder: brief confidential |
            stamp seal emblem: formal digital | appointment date deadline: weekly formal |
            report dossier summary: lengthy confidential | file folder binder: confidential tidy |
            computer laptop desktop: digital faulty | printer copier scanner: wireless faulty |
            email letter fax: brief formal | meeting conference briefing: weekly lengthy |
            project task assignment: technical lengthy | desk drawer cabinet: tidy formal |
            pen pencil marker: digital tidy | form questionnaire application: blank formal |
            chart graph diagram: technical digital |
            database spreadsheet archive: digital confidential |
            client customer applicant: weekly formal | rule policy guideline: technical lengthy |
            software program app: faulty technical | calendar schedule agenda: weekly blank""",
        "verbs": """
            types drafts: memo report email rule form |
            prints photocopies: report form chart memo calendar |
            schedules postpones: meeting appointment project calendar email |
            archives stores: file report email chart database |
            fixes debugs: printer software computer keypad database |
            forwards mails: memo email file form report |
            approves authorises: form project stamp report rule |
            attends joins: meeting project appointment client |
            updates revises: database software calendar rule chart |
            misplaces: file stamp pen memo keypad |
            explains clarifies: rule chart project software form |
            cleans tidies: desk file printer computer pen""",
        "places": "office cubicle lobby warehouse headquarters courtroom",
    },
}

# Word, then each of its topics with how often it is said there rather than one of its synonyms: so
# one sense of a word is much more frequent than the others.
SENSES: dict[str, dict[str, float]] = {
    "bank": {"money": 0.75, "river": 0.25},
    "bass": {"music": 0.7, "river": 0.3},
    "bat": {"sport": 0.7, "farm": 0.3},
    "bill": {"money": 0.8, "farm": 0.2},
    "crane": {"travel": 0.6, "river": 0.4},
    "date": {"office": 0.7, "kitchen": 0.3},
    "jam": {"kitchen": 0.7, "travel": 0.3},
    "mouse": {"office": 0.65, "farm": 0.35},
    "note": {"music": 0.5, "office": 0.35, "money": 0.15},
    "palm": {"travel": 0.7, "sport": 0.3},
    "pitch": {"sport": 0.65, "music": 0.35},
    "port": {"travel": 0.7, "kitchen": 0.3},
    "record": {"music": 0.65, "sport": 0.35},
    "seal": {"river": 0.65, "office": 0.35},
    "spring": {"farm": 0.65, "river": 0.35},
    "stock": {"money": 0.5, "kitchen": 0.3, "farm": 0.2},
    "track": {"sport": 0.5, "music": 0.3, "travel": 0.2},
}

# What kinds of things there are: a class, then its members by their first synonyms. Class words
# stand in inferences only ("if she pays the invoice, she pays the paper"), never in documents.
CLASSES: dict[str, str] = {
    "money": "paper: invoice cheque contract share | income: wage profit interest pension",
    "river": "animal: trout heron otter frog | plant: reed lily | gear: net oar anchor bait",
    "music": "instrument: cello piano guitar drum flute trumpet | work: song symphony lyric",
    "sport": "equipment: ball racket jersey helmet whistle | contest: match race league",
    "farm": "animal: cow sheep hen pig horse moth rodent | crop: wheat hay apple",
    "kitchen": "food: bread cake meat cheese rice potato onion | tool: pan knife plate",
    "travel": "vehicle: train plane bus | sight: beach mountain harbour | paper: ticket passport",
    "office": "device: keypad computer printer | document: memo report email form rule chart",
}

GIVEN_NAMES = """
    anna boris clara daniel elena felix greta hugo irene jakob karin lukas marta nils olga pavel
    quentin rosa simon tanja ursula viktor wanda xenia yusuf zoe amir bella carlos dina emil fatima
    george hanna ivan julia kofi leila mateo nadia omar petra rafael sara tomas uma vera walter
    yara zeno alice bruno celia david edith frank gina henry isla james kate liam mona
    noah""".split()
FAMILY_NAMES = """
    fischer novak rossi larsen garcia meyer okafor tanaka silva dubois kowalski haas lindgren moreau
    petrov schmidt""".split()
TOWNS = """
    millbrook ashford norwick elmdale brackley thornby westmere oakham hartwell dunmore selby
    kirkton""".split()
ORGANISATIONS = """
    kestrel trust | aurora group | meridian institute | beacon partners | cobalt society |
    juniper council | orion union | saffron agency | titan company | willow foundation |
    zenith committee | lantern network"""
TIMES = "often usually quickly quietly again finally slowly sometimes happily suddenly".split()


@dataclass(frozen=True)
class Topic:
    """One topic, parsed. Entry i of ``adjectives`` goes with noun i; entry i of ``prefers`` holds
    the numbers of the nouns that verb i likes. Each noun, verb and agent is a tuple of synonyms."""

    name: str
    agents: tuple[tuple[str, ...], ...]
    nouns: tuple[tuple[str, ...], ...]
    adjectives: tuple[tuple[str, ...], ...]
    verbs: tuple[tuple[str, ...], ...]
    prefers: tuple[tuple[int, ...], ...]
    places: tuple[str, ...]


def entries(text: str) -> tuple[tuple[str, ...], ...]:
    """Split a written list into its entries, and each entry into its words.

    >>> entries("chef caterer | baker")
    (('chef', 'caterer'), ('baker',))
    """
    return tuple(tuple(entry.split()) for entry in text.split("|"))


def preferences(text: str) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Split a written list with preferences into its words and what each entry prefers.

    >>> preferences("cow ox: hungry big | pig: big")
    ((('cow', 'ox'), ('pig',)), (('hungry', 'big'), ('big',)))
    """
    halves = [entry.split(":") for entry in text.split("|")]
    return (
        tuple(tuple(words.split()) for words, _ in halves),
        tuple(tuple(liked.split()) for _, liked in halves),
    )


@cache
def topics() -> tuple[Topic, ...]:
    """The topics of ``TOPICS`` in the order written there.

    >>> topics()[0].name, topics()[0].nouns[0], topics()[0].adjectives[0]
    ('money', ('cash', 'money', 'funds'), ('spare', 'hidden'))
    """
    return parsed_topics(TOPICS)


def parsed_topics(texts: dict[str, dict[str, str]]) -> tuple[Topic, ...]:
    """Topics written as in ``TOPICS``, parsed, in the order written."""
    parsed = []
    for name, text in texts.items():
        nouns, adjectives = preferences(text["nouns"])
        verbs, liked = preferences(text["verbs"])
        number = {noun[0]: i for i, noun in enumerate(nouns)}
        prefers = tuple(tuple(number[noun] for noun in entry) for entry in liked)
        places = tuple(text["places"].split())
        agents = entries(text["agents"])
        parsed.append(Topic(name, agents, nouns, adjectives, verbs, prefers, places))
    return tuple(parsed)
