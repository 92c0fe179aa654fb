"""Words that authors of pages use in `class`, `id`, `role` and `itemprop`, in groups of one meaning.

The scanner cuts attribute values into words (at anything but a letter, and where a capital follows a small letter)
and sets one bit for each group that a word of it names. Words are compared by their first 8 letters. They are
the vocabulary of web design, English on pages of any language; what a group means for the text is learned.
"""

from __future__ import annotations

from stages.extraction.tag_table import hash_table

SLOTS = 4096

GROUPS: dict[str, str] = {
    "article": "article articles story post posts news entry blogpost newsartikel artikel artigo articulo articol",
    "content": "content contents main body text copy inhalt contenu contenido conteudo page maincontent bodycopy "
    "rte richtext wysiwyg prose markdown bodytext mainbody document",
    "comment": "comment comments disqus commento commentlist commenter reply replies respond discussion livefyre "
    "reaction reactions kommentar kommentare commentaire comentario comentarios fbcomments responses",
    "sidebar": "sidebar side aside rail rightcol leftcol sidecol complementary right left rightrail secondary tertiary "
    "sidebarright",
    "footer": "footer foot bottom contentinfo colophon fuss footnote footnotes references reflist",
    "header": "header head masthead banner top topbar hero",
    "navigation": "nav navigation navbar menu submenu navi menubar tabs tab breadcrumb breadcrumbs pagination pager "
    "paging toolbar sitemap toc skip next prev previous subnav mainnav hamburger nextprev",
    "related": "related recommend recommended recommendation recommendations recirc more similar also suggested "
    "mostread most popular trending latest recent read readmore further outbrain taboola zergnet revcontent upnext "
    "moreon morefrom seealso related-posts",
    "share": "share sharing social facebook twitter pinterest linkedin whatsapp addthis sharedaddy follow like likes "
    "email print sharebar socials instagram addtoany",
    "advertisement": "ad ads adv advert adverts advertisement advertising adsense promo promoted promotion sponsor "
    "sponsored sponsors dfp doubleclick gpt banner-ad adunit adslot adbox partner partners marketing commercial "
    "affiliate offer offers anzeige werbung publicidad publicite adcontainer",
    "caption": "caption captions credit credits figcaption imgcaption photocredit wp-caption photocaption",
    "media": "image images img photo photos picture gallery slideshow slide slider carousel video videos media player "
    "figure embed thumb thumbnail lightbox audio youtube photoset",
    "author": "author authors byline bio biography contributor contributors writer avatar profile vcard about "
    "authorbio autor auteur journalist",
    "date": "date dates time timestamp published publish updated dateline datetime pubdate posted datum fecha modified",
    "tags": "tag tags tagged category categories topic topics keyword keywords cat label labels taxonomy hashtag "
    "section",
    "subscribe": "newsletter newsletters subscribe subscription subscriber signup signin login register paywall "
    "membership donate donation registration regwall piano",
    "widget": "widget widgets module plugin component components block",
    "dialog": "modal popup overlay dialog cookie cookies consent gdpr alert tooltip dropdown notification notice "
    "message lightbox-modal toast privacy flyout popover interstitial",
    "teaser": "teaser teasers card cards tile tiles item items list listing listitem feed river promo-item headlines "
    "stories grid archive results result",
    "title": "title titles headline heading subtitle subhead subheading hed kicker headings",
    "summary": "summary lead lede intro introduction excerpt standfirst dek abstract description subheadline deck "
    "chapeau vorspann entradilla sapo sumario highlights",
    "quote": "quote quotes blockquote pullquote pull epigraph tweet cite citation",
    "legal": "copyright legal disclaimer terms license licence rights imprint impressum trademark",
    "form": "form search input field button btn buttons submit cta select checkbox poll survey quiz vote rating "
    "ratings rate searchbox",
    "meta": "meta metadata info infos information details postmeta byline-meta data count counts stats views eyebrow",
    "hidden": "hidden hide sr visually invisible visuallyhidden screen offscreen noprint accessibility a11y collapsed",
    "paragraph": "paragraph paragraphs para par graf zn speakable",
    "inline_box": "inset infobox factbox box callout sidenote fact facts inline interactive insert pullout infographic "
    "aside-inline",
    "shop": "cart price prices buy shop product products basket checkout stock quote-stock ticker market",
    "code": "code highlight codehilite sourcecode listing-code syntax example snippet console literal",
}
#: Bits that the scanner sets by itself, after those of the groups.
ARTICLE_BODY_BIT = len(GROUPS)  # a word of "article" followed by one of "content" in one name, as in article-body
HIDDEN_BIT = len(GROUPS) + 1  # the attribute hidden, or style with display:none
#: Not told to the classifier: the element `nav`, or the role of that name. No training is needed to know what it means.
NAVIGATION_BIT = 62
BITS = [*GROUPS, "article_body", "not_displayed"]
ARTICLE_BIT, CONTENT_BIT = BITS.index("article"), BITS.index("content")


def _numbers() -> dict[str, int]:
    numbers: dict[str, int] = {}
    for bit, words in enumerate(GROUPS.values()):
        for phrase in words.split():
            for word in phrase.split("-")[:1]:
                numbers.setdefault(word[:8], bit + 1)
    return numbers


WORD_KEYS, WORD_BITS = hash_table(_numbers(), SLOTS)
