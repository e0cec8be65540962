"""Words of the film-review grammar, each list of one sense: what praises, what blames, and what says neither.

The words are everyday English that a pretrained encoder knows; the grammar that combines them decides the label.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PRAISING_ADJECTIVES = _words(
    """absorbing affecting amusing astonishing beautiful brilliant captivating charming clever compelling convincing
    dazzling delightful elegant enchanting engaging engrossing enjoyable entertaining exciting exhilarating exquisite
    fascinating fresh funny genuine gorgeous graceful gripping heartfelt hilarious honest imaginative ingenious
    insightful inspired intelligent inventive likable lively lovely magical masterful memorable moving original
    outstanding perceptive playful poignant powerful profound refreshing rewarding riveting satisfying sharp sincere
    smart spirited splendid stirring stunning sublime superb tender thoughtful thrilling touching uplifting vibrant
    vivid warm wise witty wonderful"""
)

BLAMING_ADJECTIVES = _words(
    """abysmal amateurish annoying atrocious awful awkward banal bland bloated boring chaotic cheap clumsy contrived
    crude cynical derivative disappointing disjointed dreadful dreary dull embarrassing empty exhausting feeble
    flat forced forgettable formulaic frustrating generic grating hollow idiotic inane incoherent inept insipid
    irritating joyless lame laughable lazy lifeless listless mediocre meandering mindless monotonous muddled obnoxious
    overlong overwrought painful pathetic plodding pointless predictable pretentious repetitive ridiculous shallow
    silly sloppy sluggish soulless stale stilted stupid superficial tedious terrible tiresome ugly unbearable unfunny
    uninspired unpleasant vapid weak wretched"""
)

PRAISING_NOUNS = _words(
    """achievement charmer classic delight discovery gem inspiration joy jewel knockout marvel masterpiece pleasure
    revelation success surprise treasure treat triumph victory winner wonder"""
)

BLAMING_NOUNS = _words(
    """bore calamity catastrophe chore debacle disappointment disaster dud embarrassment failure fiasco flop letdown
    mess mistake muddle nightmare nuisance ordeal slog travesty waste"""
)

# (third person, base form)
PRAISING_VERBS = (
    ("amazes", "amaze"),
    ("amuses", "amuse"),
    ("captivates", "captivate"),
    ("charms", "charm"),
    ("convinces", "convince"),
    ("dazzles", "dazzle"),
    ("delights", "delight"),
    ("enchants", "enchant"),
    ("entertains", "entertain"),
    ("excites", "excite"),
    ("fascinates", "fascinate"),
    ("impresses", "impress"),
    ("inspires", "inspire"),
    ("pleases", "please"),
    ("rewards", "reward"),
    ("thrills", "thrill"),
)

BLAMING_VERBS = (
    ("alienates", "alienate"),
    ("annoys", "annoy"),
    ("bores", "bore"),
    ("confuses", "confuse"),
    ("disappoints", "disappoint"),
    ("embarrasses", "embarrass"),
    ("exhausts", "exhaust"),
    ("frustrates", "frustrate"),
    ("infuriates", "infuriate"),
    ("insults", "insult"),
    ("irritates", "irritate"),
    ("offends", "offend"),
    ("patronizes", "patronize"),
    ("repels", "repel"),
    ("tires", "tire"),
    ("wearies", "weary"),
)

AUDIENCES = ("its audience", "the viewer", "us", "the crowd", "anyone who watches", "young and old alike")

GENRES = _words(
    """adaptation biopic caper comedy debut documentary drama fable farce melodrama musical mystery parable portrait
    remake romance satire saga sequel spectacle thriller travelogue western"""
)

SUBJECTS = (
    "the film",
    "the movie",
    "the picture",
    "the screenplay",
    "the script",
    "the story",
    "the plot",
    "the dialogue",
    "the direction",
    "the acting",
    "the camera work",
    "the score",
    "the editing",
    "the ending",
    "the first hour",
    "the last act",
    "the opening scene",
    "the lead performance",
    "the supporting cast",
    "the love story",
    "the voice-over",
    "the production design",
    "the central idea",
    "this sequel",
    "this remake",
    "this documentary",
    "this comedy",
    "this thriller",
    "this adaptation",
    "her performance",
    "his performance",
    "his latest",
    "her debut",
)

INTENSIFIERS = ("truly", "really", "very", "quite", "remarkably", "thoroughly", "utterly", "deeply", "rather", "so")

CIRCUMSTANCES = (
    "from the first scene to the last",
    "from start to finish",
    "in its second half",
    "at ninety minutes",
    "on the big screen",
    "on a second viewing",
    "in the end",
    "as a portrait of small-town life",
    "as a study of grief",
    "as a piece of history",
    "for a film of its kind",
    "for a studio production",
    "under its new director",
    "with these two actors",
    "by the time the credits roll",
)

# before a clause: turn its sense round, or leave it as it is
DENIALS = (
    "it is not true that",
    "nobody would say that",
    "it would be wrong to say that",
    "no one can claim that",
)
AFFIRMATIONS = (
    "it is true that",
    "everybody would say that",
    "it would be fair to say that",
    "no one can deny that",
)
