"""Which ends of a host name make a link.

There are over 1,400 top-level domains and the list changes every month, so a copy of it would be wrong soon. Instead:

- whoever types ``http://`` means a link: any ASCII top-level domain will do, and the non-Latin ones below, which are
  listed because in scripts without spaces nothing else says where the host ends and the sentence goes on;
- a bare ``example.com`` is a link only when its end is widely known and hardly ever the next word of a sentence
  ("that was great.today") or the end of a file name ("notes.zip"), so words and file endings are left out;
- a country's two letters are often an abbreviation or a file name (``setup.py``, ``e.g.is``): a bare name of just two
  parts needs a path (``bit.ly/x``), unless the world uses that country's letters as if they were generic.
"""

_GENERIC = """
    com net org edu gov mil int info biz coop aero mobi asia museum
    app blog cloud club dev news online page shop site social space store tech website wiki xyz
"""

# ISO 3166 as delegated in the DNS, and eu, uk, ac, su.
_COUNTRIES = """
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz
    ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu
    fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu
    id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly
    ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om
    pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv
    sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt
    za zm zw
"""

# Countries and a few generic names in their own letters, longest first, so that the longest match is the first.
_OWN_LETTERS = """
    рф рус бел укр мкд срб бг қаз мон ею онлайн сайт орг дети москва ευ ελ հայ გე
    中国 中國 香港 台湾 台灣 澳門 新加坡 公司 网络 网站 网址 在线 中文网 みんな コム 한국 닷컴 닷넷
    भारत भारतम् भारोत বাংলা ভারত ভাৰত ભારત ਭਾਰਤ భారత్ ଭାରତ ಭಾರತ ഭാരതം இந்தியா இலங்கை சிங்கப்பூர் ලංකා ไทย ລາວ
    ישראל קום الاردن الجزائر السعودية المغرب امارات ایران البحرين اليمن بارت بھارت تونس سودان سورية عراق عمان
    فلسطين قطر مصر مليسيا موريتانيا پاکستان پاكستان شبكة كوم موقع
"""

GENERIC = frozenset(_GENERIC.split())
COUNTRIES = frozenset(_COUNTRIES.split())
COUNTRIES_USED_AS_GENERIC = frozenset({"co", "tv"})
OWN_LETTERS = tuple(sorted(_OWN_LETTERS.split(), key=lambda tld: (-len(tld), tld)))
