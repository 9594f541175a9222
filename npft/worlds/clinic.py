"""A second domain: notes of a clinic, with their own words and their own style.

The format is that of ``lexicon.py``. Names, towns, organisations and the small words are those of
the general world; nouns, verbs, adjectives, agents and the sentences are new, but for the few words
of ``SHARED``, which mean something else here. What a model of general text knows of this domain is
therefore its names and its small words: the gap that domain-adaptive pretraining closes.
"""

from __future__ import annotations

DEPARTMENTS: dict[str, dict[str, str]] = {
    "heart": {
        "agents": "cardiologist heartspecialist | perfusionist pumptechnician",
        "nouns": """
            arrhythmia fibrillation: irregular paroxysmal | valve leaflet: stenotic regurgitant |
            infarction ischaemia: acute silent | stent scaffold: patent occluded |
            murmur gallop: systolic diastolic | pacemaker defibrillator: implanted dual |
            embolism thrombus: massive saddle | aneurysm dilatation: aortic ruptured |
            tachycardia bradycardia: sustained paroxysmal | angina chestpain: stable silent |
            pressure tension: systolic labile | record tracing: dual irregular""",
        "verbs": """
            auscultates: murmur valve pressure | ablates cauterises: arrhythmia tachycardia |
            dilates: valve stent aneurysm | monitors telemeters: pressure record pacemaker |
            anticoagulates: embolism arrhythmia stent | implants: pacemaker stent valve |
            excludes refutes: infarction angina embolism | paces: tachycardia arrhythmia""",
        "places": "cathlab telemetry bypassroom",
    },
    "bones": {
        "agents": "orthopaedist bonesurgeon | physiotherapist kinesiotherapist",
        "nouns": """
            fracture break: comminuted displaced | femur thighbone: distal proximal |
            tibia shinbone: distal comminuted | cartilage meniscus: torn degenerate |
            ligament tendon: torn ruptured | implant prosthesis: cemented loosened |
            scoliosis kyphosis: lumbar thoracic | osteophyte spur: lumbar degenerate |
            callus union: delayed mature | splint brace: thoracic removable |
            screw nail: cannulated loosened | track drillhole: cannulated proximal""",
        "verbs": """
            reduces realigns: fracture femur tibia | immobilises: fracture splint tibia |
            reams: femur track implant | sutures: ligament cartilage | cements: implant screw |
            mobilises: scoliosis ligament | radiographs: callus fracture osteophyte |
            debrides: cartilage osteophyte""",
        "places": "plasterroom gymnasium theatre",
    },
    "skin": {
        "agents": "dermatologist skinspecialist | histopathologist cytologist",
        "nouns": """
            melanoma carcinoma: nodular ulcerated | eczema dermatitis: atopic weeping |
            psoriasis plaque: scaly guttate | naevus mole: atypical pigmented |
            urticaria hives: itchy transient | abscess boil: fluctuant tender |
            ulcer sore: venous weeping | biopsy punch: excisional shaved |
            graft flap: meshed pedicled | emollient ointment: greasy bland |
            lichen keratosis: scaly pigmented | seal dressing: greasy meshed""",
        "verbs": """
            excises: melanoma naevus | drains lances: abscess | grafts: graft ulcer |
            stains: biopsy lichen | moisturises: eczema psoriasis emollient |
            desensitises: urticaria | freezes: lichen naevus |
            inspects dermoscopes: naevus melanoma seal""",
        "places": "phototherapy excisionroom woundclinic",
    },
    "lungs": {
        "agents": "pulmonologist chestphysician | ventilationnurse respiratorist",
        "nouns": """
            pneumonia consolidation: lobar basal | effusion empyema: pleural loculated |
            asthma bronchospasm: brittle nocturnal | sputum phlegm: purulent bloodstained |
            ventilator respirator: mechanical noninvasive | nodule coinlesion: spiculated basal |
            wheeze stridor: expiratory nocturnal | tracheostomy airway: secured mechanical |
            oxygen airflow: humidified expiratory | inhaler spacer: metered humidified |
            spirometry peakflow: obstructive restrictive | bat infiltrate: perihilar bilateral""",
        "verbs": """
            intubates: tracheostomy ventilator | aspirates taps: effusion sputum |
            nebulises: asthma inhaler wheeze | ventilates: pneumonia oxygen |
            bronchoscopes: nodule tracheostomy | weans: ventilator oxygen tracheostomy |
            cultures: sputum effusion bat | measures: spirometry oxygen""",
        "places": "sleeplab negativepressure bronchosuite",
    },
    "nerves": {
        "agents": "neurologist nervespecialist | neurosurgeon brainsurgeon",
        "nouns": """
            seizure convulsion: focal generalised | stroke apoplexy: lacunar haemorrhagic |
            migraine hemicrania: throbbing refractory | tremor shaking: resting essential |
            neuropathy numbness: peripheral diabetic | glioma braintumour: frontal inoperable |
            reflex kneejerk: brisk absent | dementia forgetfulness: vascular progressive |
            sclerosis demyelination: relapsing progressive | gait walk: ataxic shuffling |
            electrode lead: frontal resting | palsy weakness: peripheral facial""",
        "verbs": """
            terminates aborts: seizure migraine | thrombolyses: stroke |
            elicits: reflex tremor | resects debulks: glioma | stimulates: electrode palsy tremor |
            stages: dementia sclerosis glioma | videotapes: gait seizure tremor |
            conducts maps: neuropathy palsy electrode""",
        "places": "strokeunit eeglab neuroicu",
    },
    "gut": {
        "agents": "gastroenterologist gutspecialist | endoscopist scopist",
        "nouns": """
            polyp adenoma: sessile pedunculated | reflux heartburn: erosive postprandial |
            colitis proctitis: ulcerative collagenous | hernia rupture: hiatal incarcerated |
            gallstone calculus: impacted calcified | liver hepar: cirrhotic fatty |
            stricture stenosis: benign oesophageal | bleed haemorrhage: occult variceal |
            appendix caecum: inflamed perforated | stool faeces: tarry occult |
            diet nutrition: enteral lactosefree | port stoma: enteral prolapsed""",
        "verbs": """
            snares: polyp | suppresses: reflux colitis | repairs: hernia port |
            extracts crushes: gallstone | scopes: colitis stricture bleed |
            bands clips: bleed polyp | removes: appendix gallstone stool |
            prescribes: diet port liver""",
        "places": "endoscopyroom dietkitchen gutclinic",
    },
    "children": {
        "agents": "paediatrician childdoctor | neonatologist newbornspecialist",
        "nouns": """
            newborn neonate: premature jaundiced | toddler infant: feverish dehydrated |
            measles rubella: imported eruptive | croup laryngitis: barking nocturnal |
            otitis earache: bilateral suppurative | vaccine immunisation: attenuated boosted |
            incubator warmer: transparent humidified | growth stature: stunted catchup |
            rash exanthem: eruptive blanching | bottle teat: sterile lukewarm |
            bruise haematoma: blanching unexplained | spring splinting: abducted transparent""",
        "verbs": """
            weighs: newborn toddler bottle | vaccinates: toddler | plots: growth |
            isolates: measles croup rash | steams: croup | incubates: newborn incubator |
            administers: vaccine bottle | documents: bruise rash growth otitis spring""",
        "places": "nursery playroom neonatalward",
    },
    "eyes": {
        "agents": "ophthalmologist eyedoctor | optometrist refractionist",
        "nouns": """
            cataract lensopacity: nuclear mature | retina fundus: detached pigmented |
            glaucoma hypertonia: angleclosure chronic | cornea limbus: scarred transplanted |
            squint strabismus: convergent alternating | drop eyedrop: preservativefree hourly |
            acuity eyesight: corrected blurred | eyelid tarsus: drooping everted |
            uveitis iritis: anterior relapsing | spectacles glasses: bifocal tinted |
            pupil iris: dilated sluggish | pitch tilt: alternating corrected""",
        "verbs": """
            emulsifies: cataract | lasers coagulates: retina glaucoma | transplants: cornea |
            straightens: squint eyelid pitch | instils: drop | tests gauges: acuity pupil |
            refracts: spectacles acuity | calms: uveitis""",
        "places": "slitlamproom opticshop laserroom",
    },
}

# Content words of the general world that a clinic uses as well, most for something else.
SHARED = (
    "bat", "clips", "conducts", "delayed", "drains", "dressing", "fracture", "greasy",
    "gymnasium", "inspects", "pitch", "port", "record", "repairs", "seal", "spring", "stable",
    "track", "vaccinates",
)

TEMPLATES = """
pt {person} : {adjective} {noun} , {agent} {verb}
{agent} {verb} {adjective} {noun} of {person} in {place}
{person} admitted to {place} with {adjective} {noun}
{noun} was {adjective} , {person} seen by {agent}
{agent} from {organisation} {verb} the {noun} and the {noun2}
no {noun2} , {agent} {verb} the {noun} of {person} again
{person} of {town} : {noun} {adjective} , {noun2} excluded
{agent} {verb} {noun} , then {noun2} , at {place}
""".strip().splitlines()

# The part of speech of the words that only these templates spell out.
PARTS_OF_SPEECH = {"NOUN": "pt", "PUNCT": ": ,", "VERB": "admitted excluded", "ADP": "by",
                   "ADV": "again"}  # fmt: skip
