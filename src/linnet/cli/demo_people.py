"""The people of Reedwater, the town of the demo: who they are, whom they follow, and what they keep on top.

Nobody here exists, except perhaps the goose.
"""

import msgspec


class Person(msgspec.Struct, frozen=True):
    """Somebody of the town. ``pinned`` is the key of the line they keep on top of their tweets."""

    username: str
    name: str
    bio: str
    location: str = "Reedwater"
    pinned: str = ""


PEOPLE = (
    Person("ada", "Ada Marsh", "Baker. Up before the birds, asleep before the news. Rye on Tuesdays.", pinned="rest"),
    Person(
        "bruno", "Bruno Keel", "Ferry captain. Four crossings a day, five if somebody forgot their hat.", "The river"
    ),
    Person("celia", "Celia Thorne", "Librarian. I know what you borrowed. I will never tell.", pinned="amnesty"),
    Person("dmytro", "Дмитро Лісовий", "Бджоляр. Forty thousand colleagues, one queen, no meetings.", "Lime Tree Hill"),
    Person(
        "edda", "Edda Brandt", "Uhrmacherin. I look after the town clock. It looks after the sparrows.", pinned="nest3"
    ),
    Person(
        "farid",
        "Farid Nasser",
        "Tea house by the bridge. الباب مفتوح. The chair by the window is yours.",
        "By the bridge",
    ),
    Person("greta", "Greta Holm", "Conducts the choir, teaches piano, is patient with tenors.", pinned="tenors"),
    Person("hana", "森 花", "陶芸家。割れたものは、だいたい猫の皿になります。", "Kiln Lane"),
    Person("ivo", "Ivo Petrak", "Letters, parcels, and whatever was in the box that ticked.", "On foot, mostly"),
    Person("june", "June Okafor", "Town doctor. Prescribes walks. Loses at chess for meteorological reasons."),
    Person("kofi", "Kofi Mensah", "Fisherman. I know two knots now.", "The harbour", pinned="boot"),
    Person("lucia", "Lucía Vega", "Maestra. Veinte niños, un ganso oyente, cero exámenes hoy.", "The school"),
    Person("milo", "Milo Finch", "13. i have seen saturn", "top floor", pinned="rings"),
    Person("nadia", "Nadia Rahman", "Night nurse. Owns a telescope and the keys to a roof.", "The hospital roof"),
    Person(
        "oscar", "Oscar Lindqvist", "Retired from the sea. Not from chess. Second best tenor in town.", "The square"
    ),
    Person(
        "priya", "Priya Nair", "Gardener. Please take a zucchini. Please take two. बगीचा।", "Plot 7", pinned="zucchini"
    ),
    Person("quentin", "Quentin Ashe", "Editor of the Reedwater Weekly, and all of its staff.", pinned="headline"),
    Person("rosa", "Rosa Moreau", "Fleuriste. Je parle aux pivoines. Elles répondent en été."),
    Person(
        "sami", "Sami Aalto", "Keeps the weather station. Does not make the weather, whatever you heard.", "The hill"
    ),
    Person("the_goose", "The Goose", "Honk.", "Wherever the bread is", pinned="honk1"),
    Person("tilda", "Tilda Crane", "Carpenter. Benches, shelves, pedestals for books that came home.", pinned="bench"),
    Person("vito", "Vito Conti", "Gelato since 1974. Tenor since Thursday."),
    Person("wen", "文莉", "提琴匠。先问木头，再问邻居。", "Upstairs from the choir"),
    Person("yannis", "Γιάννης", "Φαροφύλακας. The big light is me. Sorry about your curtains.", "The lighthouse"),
    Person("zoe", "Zoe Hart", "Walks dogs. Was told it was six.", pinned="seventh"),
)

# Everybody in a circle follows everybody else in it.
CIRCLES = (
    ("ada", "bruno", "celia", "farid", "ivo", "quentin", "zoe"),
    ("ada", "dmytro", "priya", "rosa", "tilda", "sami"),
    ("greta", "lucia", "wen", "oscar", "june", "vito", "ada"),
    ("bruno", "kofi", "yannis", "nadia", "sami"),
    ("hana", "tilda", "wen", "rosa", "edda"),
    ("milo", "zoe", "lucia", "celia", "nadia"),
    ("june", "farid", "oscar", "edda", "kofi"),
)

# Follows that are not returned: follower, followed. Everybody follows the goose; the goose follows nobody.
ADMIRERS = (
    ("ada", "edda"),
    ("ada", "hana"),
    ("ada", "kofi"),
    ("ada", "yannis"),
    ("dmytro", "edda"),
    ("hana", "yannis"),
    ("ivo", "kofi"),
    ("june", "priya"),
    ("kofi", "quentin"),
    ("milo", "edda"),
    ("milo", "kofi"),
    ("oscar", "milo"),
    ("priya", "quentin"),
    ("rosa", "celia"),
    ("sami", "quentin"),
    ("vito", "ada"),
    ("wen", "quentin"),
    ("yannis", "celia"),
    ("zoe", "kofi"),
    *((person.username, "the_goose") for person in PEOPLE if person.username != "the_goose"),
)


def follow_pairs() -> list[tuple[str, str]]:
    """Who follows whom, each once."""
    in_circles = [(one, other) for circle in CIRCLES for one in circle for other in circle if one != other]
    return list(dict.fromkeys([*in_circles, *ADMIRERS]))
