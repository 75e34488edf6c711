from base64 import b64decode

from sample import verify

READ = {
    "s": lambda value: b64decode(value).decode(),
    "b": b64decode,
    "n": int,
    "-": lambda _: None,
}


def verdict(call):
    try:
        accepted = verify(*(READ[argument[0]](argument[1:]) for argument in call.split("\t")))
        return {True: "accepted", False: "refused"}[accepted]
    except Exception:
        return "threw"


with open("calls.tsv", encoding="ascii") as calls:
    for call in calls.read().splitlines():
        print(verdict(call))
