-- :name find (user_id) -> one
-- Somebody's filters. Served by filters_pkey.
select version, document::text from filters where user_id = %(user_id)s;

-- :name find_version (user_id) -> value
-- Of which version somebody's filters are; 0 where there are none, and no muted conversations either. Served by
-- filters_pkey and conversation_mutes_pkey.
select coalesce(
    (
        select f.version from filters f
        where f.user_id = %(user_id)s
            and (f.document::text <> '[]' or exists (select from conversation_mutes m where m.user_id = f.user_id))
    ),
    0
);

-- :name lock (user_id) -> one
-- The same for whoever is about to change them: others wait until this transaction ends. Nothing for somebody who is
-- leaving. Served by users_pkey and filters_pkey.
insert into filters as f (user_id, version, document)
select u.id, 0, '[]' from users u where u.id = %(user_id)s and u.deleted_ms is null
on conflict (user_id) do update set version = f.version
returning version, document::text;

-- :name update (user_id, version, document) -> none
-- The row must be locked. Served by filters_pkey.
update filters set version = %(version)s, document = %(document)s::json where user_id = %(user_id)s;

-- :name fetch_tweets (user_id, page_size) -> many
-- The tweets that somebody's filters name, in the order in which they were named. Served by filter_tweets_pkey.
select filter_id, id, tweet_id from filter_tweets where user_id = %(user_id)s
order by id
limit %(page_size)s;

-- :name count_tweets (user_id) -> value
-- How many that are. Served by filter_tweets_pkey alone.
select count(*) from filter_tweets where user_id = %(user_id)s;

-- :name insert_tweet (user_id, filter_id, tweet_id, author_id, named_id) -> value
-- The id of its being named, which is older when it was before. Served by filter_tweets_pkey.
insert into filter_tweets (user_id, filter_id, tweet_id, author_id, id)
values (%(user_id)s, %(filter_id)s, %(tweet_id)s, %(author_id)s, %(named_id)s)
on conflict (user_id, filter_id, tweet_id) do update set author_id = excluded.author_id
returning id;

-- :name delete_tweet (user_id, named_id) -> none
-- One row when it was there. Served by filter_tweets_pkey.
delete from filter_tweets where user_id = %(user_id)s and id = %(named_id)s;

-- :name delete_tweets_of_filter (user_id, filter_id) -> none
-- Whatever a filter named. Served by filter_tweets_pkey.
delete from filter_tweets where user_id = %(user_id)s and filter_id = %(filter_id)s;

-- :name delete_of_tweets (author_ids, tweet_ids) -> none
-- Tweets that are gone, whoever named them. Served by filter_tweets_tweet.
delete from filter_tweets
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[]);
