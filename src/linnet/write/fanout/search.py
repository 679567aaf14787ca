"""What tweets can be found by: a document for each tweet and reply, made when it is posted, gone when it is.

A document is derived from its row alone, and rows do not change what they say: so applying an event twice, or late,
changes nothing.
"""

from collections.abc import Sequence

from linnet.domain.attachments import unpack_attachments
from linnet.domain.documents import Document, document_of
from linnet.stores.postgres import search
from linnet.stores.postgres.pool import Session
from linnet.stores.postgres.search import TweetText
from linnet.write.deps import WriteDeps
from linnet.write.fanout.sorting import Batch, Settled


async def apply_search(deps: WriteDeps, session: Session, batch: Batch, settled: Settled) -> None:
    """Applies a batch in its transaction, after its counters. Retweets have no documents."""
    posted = [event for event in batch.posted if event.retweet_of is None and event.ref in settled.existing]
    if posted:
        texts = await search.fetch_texts(
            session, sorted({event.author_id for event in posted}), [event.tweet_id for event in posted]
        )
        await search.insert_documents(session, _documents(deps, texts))
    # Of one author, so of this lane: what is deleted here was inserted here or before.
    deleted = sorted((event.author_id, event.tweet_id) for event in batch.deleted if event.retweet_of is None)
    if deleted:
        await search.delete_documents(
            session, [author_id for author_id, _ in deleted], [tweet_id for _, tweet_id in deleted]
        )


def _documents(deps: WriteDeps, texts: Sequence[TweetText]) -> list[Document]:
    rules = deps.options.text
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
