"""English contractions, abbreviations and emoticons, which the word splitter's rules would cut wrongly.

The conventions are those of the Penn Treebank as spaCy's English tokenizer applies them ("do" + "n't",
"can" + "not", "10" + "a.m."; "e.g." whole), so that word counts agree with tools built on it.
"""

from __future__ import annotations

_NOT_EXCEPTIONS = "ill its hell shell shed were well whore".split()

_ABBREVIATIONS = """
Adm. Ak. Ala. Apr. Ariz. Ark. Aug. Bros. Calif. Co. Colo. Conn. Corp. D.C. Dec. Del. Dr. E.G. E.g. Feb. Fla.
Ga. Gen. Gov. I.E. I.e. Ia. Id. Ill. Inc. Ind. Jan. Jr. Jul. Jun. Kan. Kans. Ky. La. Ltd. Mar. Mass. Md.
Messrs. Mich. Minn. Miss. Mo. Mont. Mr. Mrs. Ms. Mt. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct.
Okla. Ore. Pa. Ph.D. Prof. Rep. Rev. S.C. Sen. Sep. Sept. St. Tenn. Va. Wash. Wis. a.m. co. e.g. i.e. p.m.
v.s. vs. and/or w/o C++ <space> \\t \\n \\") '' ä. ö. ü.
"""

_APOSTROPHES = """
' 'S 's ‘S ‘s 'd 're 'em 'll 'nuff 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am Ma'am o'clock
O'clock lovin' Lovin' havin' Havin' doin' Doin' goin' Goin' nothin' Nothin' nuthin' Nuthin' ol' Ol' somethin'
Somethin'
"""

_EMOTICONS = r"""
:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :((
:-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0
:() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.<
._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3
(^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
"""

_OTHERS = {
    "y'all": ("y'", "all"),
    "yall": ("y", "all"),
    "how'd'y": ("how", "'d", "'y"),
    "not've": ("not", "'ve"),
    "notve": ("not", "ve"),
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "let's": ("let", "'s"),
    "c'mon": ("c'm", "on"),
}


def word_exceptions() -> dict[str, tuple[str, ...]]:
    """Exception -> the words it is made of; the words join to the exception."""
    whole = [*_ABBREVIATIONS.split(), *_APOSTROPHES.split(), *_EMOTICONS.split()]
    whole += [f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyz"]
    table: dict[str, tuple[str, ...]] = {word: (word,) for word in whole}
    table.update(_contractions())
    for hour in range(1, 13):
        for half in ("a.m.", "am", "p.m.", "pm"):
            table[f"{hour}{half}"] = (str(hour), half)
    for scale in "cfkCFK":
        table[f"°{scale}."] = ("°", scale, ".")
    for word in _NOT_EXCEPTIONS:
        table.pop(word, None)
        table.pop(word.title(), None)
    curly = {word.replace("'", "’"): tuple(part.replace("'", "’") for part in parts) for word, parts in table.items()}
    return table | curly


def _contractions() -> dict[str, tuple[str, ...]]:
    """Contractions with and without their apostrophe, in lower case and capitalised."""
    table: dict[str, tuple[str, ...]] = {}

    def add(stem: str, *endings: str) -> None:
        """Enter the stem with all its endings joined, e.g. could + n't + 've, also as "couldntve"."""
        for start in (stem, stem.capitalize()):
            for parts in ((start, *endings), (start, *(ending.replace("'", "") for ending in endings))):
                table["".join(parts)] = parts

    add("i", "'m")
    add("i", "'m", "a")
    for pronoun in ("i", "you", "he", "she", "it", "we", "they"):
        _future_and_past(add, pronoun)
    for pronoun in ("i", "you", "we", "they"):
        add(pronoun, "'ve")
    for pronoun in ("you", "we", "they"):
        add(pronoun, "'re")
    for pronoun in ("he", "she", "it"):
        add(pronoun, "'s")
    for word in ("who", "what", "when", "where", "why", "how", "there", "that", "this", "these", "those"):
        _future_and_past(add, word)
        if word not in ("these", "those"):
            add(word, "'s")
        if word not in ("that", "this"):
            add(word, "'re")
            add(word, "'ve")
    for verb in "ca could do does did had may might must need ought sha should wo would".split():
        add(verb, "n't")
        add(verb, "n't", "'ve")
    for verb in ("could", "might", "must", "should", "would"):
        add(verb, "'ve")
    for verb in ("ai", "are", "is", "was", "were", "have", "has", "dare"):
        add(verb, "n't")
    for word, parts in _OTHERS.items():
        table[word] = parts
        if word not in ("y'all", "yall"):
            table[word.capitalize()] = (parts[0].capitalize(), *parts[1:])
    return table


def _future_and_past(add: object, stem: str) -> None:
    assert callable(add)
    add(stem, "'ll")
    add(stem, "'ll", "'ve")
    add(stem, "'d")
    add(stem, "'d", "'ve")
