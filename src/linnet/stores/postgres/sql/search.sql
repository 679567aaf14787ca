-- :name fetch_texts (author_ids, tweet_ids) -> many
-- What documents are made of. Retweets have none, nor has what is not public. Served by tweets_pkey.
select author_id, id, text, reply_to_author_id, warning, attachments::text
from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]) and retweet_of_id is null
    and visibility is null;

-- :name insert_documents (author_ids, tweet_ids, answered_ids, lexemes, words, languages, dictionaries) -> none
-- Documents of tweets, with the stems of their words, in place of those that said something else. Served by
-- tweet_documents_pkey.
insert into tweet_documents (author_id, tweet_id, reply_to_author_id, document)
select n.author_id, n.tweet_id, n.answered_id, n.lexemes::tsvector || coalesce((
        select array_to_tsvector(array_agg(distinct n.language || '/' || s.stem))
        from unnest(string_to_array(n.words, ' ')) w (word), unnest(ts_lexize(n.dictionary::regdictionary, w.word)) s (stem)
    ), ''::tsvector)
from unnest(%(author_ids)s::bigint[], %(tweet_ids)s::bigint[], %(answered_ids)s::bigint[],
    %(lexemes)s::text[], %(words)s::text[], %(languages)s::text[], %(dictionaries)s::text[])
    n (author_id, tweet_id, answered_id, lexemes, words, language, dictionary)
on conflict (author_id, tweet_id) do update set document = excluded.document
    where tweet_documents.document <> excluded.document;

-- :name delete_documents (author_ids, tweet_ids) -> none
-- Documents of tweets that are gone. Served by tweet_documents_pkey.
delete from tweet_documents d
using (select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id) gone
where d.author_id = gone.author_id and d.tweet_id = gone.tweet_id;

-- :name fetch_stems (dictionaries, languages, words) -> many
-- The stems of words, each in its language; what a language leaves out has none.
select n.word, n.language, s.stem
from unnest(%(dictionaries)s::text[], %(languages)s::text[], %(words)s::text[]) n (dictionary, language, word),
    unnest(ts_lexize(n.dictionary::regdictionary, n.word)) s (stem);

-- :name find_floor (from_id, before_id, ahead) -> value
-- The id of the document that so many others of the range lie above; null when there are fewer. Served by
-- tweet_documents_newest alone.
select tweet_id from tweet_documents
where tweet_id >= %(from_id)s and tweet_id < %(before_id)s
order by tweet_id desc
offset %(ahead)s limit 1;

-- :name find_author_floor (author_id, from_id, before_id, ahead) -> value
-- The same among one author's. Served by tweet_documents_pkey alone.
select tweet_id from tweet_documents
where author_id = %(author_id)s and tweet_id >= %(from_id)s and tweet_id < %(before_id)s
order by tweet_id desc
offset %(ahead)s limit 1;

-- :name find_ceiling (from_id, before_id, ahead) -> value
-- The same from below: the id of the document that so many others of the range lie below. Served by
-- tweet_documents_newest alone.
select tweet_id from tweet_documents
where tweet_id >= %(from_id)s and tweet_id < %(before_id)s
order by tweet_id
offset %(ahead)s limit 1;

-- :name fetch_newest (query, from_id, before_id, page_size) -> many
-- Looks at one document after the other, newest first, until the page is full; the range is one of few documents. Made
-- a comparison so that no index for words is thought of. Served by tweet_documents_newest.
select tweet_id, author_id, coalesce(reply_to_author_id, 0) from tweet_documents
where tweet_id >= %(from_id)s and tweet_id < %(before_id)s
    and (numnode(%(query)s::tsquery) = 0 or document @@ %(query)s::tsquery) is true
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_newest_by_author (author_id, query, from_id, before_id, page_size) -> many
-- The same among one author's. Served by tweet_documents_pkey.
select tweet_id, author_id, coalesce(reply_to_author_id, 0) from tweet_documents
where author_id = %(author_id)s and tweet_id >= %(from_id)s and tweet_id < %(before_id)s
    and (numnode(%(query)s::tsquery) = 0 or document @@ %(query)s::tsquery) is true
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_oldest (query, from_id, before_id, page_size) -> many
-- The same from below, oldest first. Served by tweet_documents_newest.
select tweet_id, author_id, coalesce(reply_to_author_id, 0) from tweet_documents
where tweet_id >= %(from_id)s and tweet_id < %(before_id)s
    and (numnode(%(query)s::tsquery) = 0 or document @@ %(query)s::tsquery) is true
order by tweet_id
limit %(page_size)s;

-- :name fetch_matching (query, from_id, before_id, page_size) -> many
-- All that match in a range, found by their words, newest first. "offset 0" keeps the range out of the choice of the
-- index: the query names the slices of the range. Served by tweet_documents_words.
select tweet_id, author_id, coalesce(reply_to_author_id, 0)
from (
    select tweet_id, author_id, reply_to_author_id from tweet_documents
    where document @@ %(query)s::tsquery offset 0
) found
where tweet_id >= %(from_id)s and tweet_id < %(before_id)s
order by tweet_id desc
limit %(page_size)s;

-- :name fetch_matching_upwards (query, from_id, before_id, page_size) -> many
-- The same from below, oldest first. Served by tweet_documents_words.
select tweet_id, author_id, coalesce(reply_to_author_id, 0)
from (
    select tweet_id, author_id, reply_to_author_id from tweet_documents
    where document @@ %(query)s::tsquery offset 0
) found
where tweet_id >= %(from_id)s and tweet_id < %(before_id)s
order by tweet_id
limit %(page_size)s;

-- :name estimate_documents () -> value
-- About how many documents there are, as autovacuum counted them; below 1 when it has not. A scan of PostgreSQL's own
-- list of tables for one row.
select reltuples::bigint from pg_class where oid = 'tweet_documents'::regclass;

-- :name set_timeout (timeout) -> value
-- How long a statement of this transaction may take, and that reading the whole table is no way to do it.
select set_config('statement_timeout', %(timeout)s, true), set_config('enable_seqscan', 'off', true);

-- :name fold_name (text) -> value
-- Names as they are compared.
select fold_name(%(text)s::text);

-- :name fetch_people_by_prefix (prefix, beyond, page_size) -> many
-- People whose usernames begin so; the whole name, if it is one, is the first. Served by users_username.
select id, username, name, followers_count
from users
where username ~>=~ %(prefix)s::text and username ~<~ %(beyond)s::text and deleted_ms is null
order by username using ~<~
limit %(page_size)s;

-- :name fetch_people_by_keys (query, page_size) -> many
-- People by the words of their names or parts of these, in no order. Served by users_names.
select id, username, name, followers_count
from users
where name_keys(username, name) @@ %(query)s::tsquery and deleted_ms is null
limit %(page_size)s;
