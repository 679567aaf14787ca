"""What tweets can be found by: a document for each tweet and reply, made when it is posted or edited, gone when it is.

A document is derived from its row alone, as that is when an event is applied: so applying one twice, or late, changes
nothing. Whoever edits it later has an event of their own to come, in the same lane.
"""

from collections.abc import Sequence

from linnet.domain.attachments import unpack_attachments
from linnet.domain.documents import Document, document_of
from linnet.domain.text import TextRules
from linnet.stores.postgres import search
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.search import TweetText
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled


async def apply_search(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters. Retweets have no documents."""
    said = {event.ref for event in batch.posted if event.retweet_of is None and event.ref in settled.existing}
    said |= {tweet.ref for tweet in settled.edited}
    if said:
        texts = await search.fetch_texts(
            session, sorted({ref.author_id for ref in said}), sorted(ref.tweet_id for ref in said)
        )
        await search.insert_documents(session, documents_of(texts, deps.options.text))
    # Of one author, so of this lane: what is deleted here was inserted here or before.
    deleted = sorted((event.author_id, event.tweet_id) for event in batch.deleted if event.retweet_of is None)
    if deleted:
        await search.delete_documents(
            session, [author_id for author_id, _ in deleted], [tweet_id for _, tweet_id in deleted]
        )


def documents_of(texts: Sequence[TweetText], rules: TextRules) -> list[Document]:
    """What these tweets can be found by."""
    documents = []
    for row in texts:
        pictures = unpack_attachments(row.attachments)
        beside = [row.warning or "", *(picture.description for picture in pictures)]
        documents.append(
            document_of(
                row.author_id,
                row.tweet_id,
                row.text,
                row.reply_to_author_id,
                rules,
                beside=[text for text in beside if text],
                has_pictures=bool(pictures),
            )
        )
    return documents
