"""Tweets by reference, as queries take them."""

from collections.abc import Collection

from linnet.domain.event import TweetRef


def among(refs: Collection[TweetRef]) -> dict[str, list[int]]:
    """Parameters of ``author_id = any(author_ids) and id = any(tweet_ids)``, which names the owners of the rows.

    Ids are nobody else's, so each author is enough once, and an id finds no tweet of another one of them.
    """
    return {"author_ids": list({ref.author_id for ref in refs}), "tweet_ids": [ref.tweet_id for ref in refs]}
