-- :name fetch_rankable (author_ids, tweet_ids) -> many
-- What the scores of these tweets are made of; retweets are not ranked, nor
-- what is not public. Whoever changes the number of an author's
-- followers waits until this transaction ends, and then finds the rows that it wrote. Served by tweets_pkey and
-- users_pkey.
select t.author_id, t.id, t.reply_to_author_id, t.likes_count, t.retweets_count, u.followers_count
from tweets t
join users u on u.id = t.author_id
where t.author_id = any(%(author_ids)s::bigint[]) and t.id = any(%(tweet_ids)s::bigint[]) and t.retweet_of_id is null
    and t.visibility is null
order by t.author_id
for share of u;

-- :name fetch_rankable_of_one (author_id, tweet_ids) -> many
-- The same for tweets of one author. Served by tweets_pkey and users_pkey.
select t.author_id, t.id, t.reply_to_author_id, t.likes_count, t.retweets_count, u.followers_count
from tweets t
join users u on u.id = t.author_id
where t.author_id = %(author_id)s and t.id = any(%(tweet_ids)s::bigint[]) and t.retweet_of_id is null
    and t.visibility is null
for share of u;

-- :name insert (author_ids, tweet_ids, reply_to_author_ids, engagements_ms, reaches_ms) -> none
-- Ranks tweets that are not ranked yet. Served by popular_pkey.
insert into popular (author_id, tweet_id, reply_to_author_id, engagement_ms, reach_ms)
select unnest(%(author_ids)s::bigint[]), unnest(%(tweet_ids)s::bigint[]), unnest(%(reply_to_author_ids)s::bigint[]),
    unnest(%(engagements_ms)s::bigint[]), unnest(%(reaches_ms)s::bigint[])
on conflict do nothing;

-- :name update_engagement (author_ids, tweet_ids, engagements_ms) -> many
-- What people did with tweets, as it is now; returns those that are ranked. Served by popular_pkey.
update popular p set engagement_ms = c.engagement_ms
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(engagements_ms)s::bigint[]) as engagement_ms
) c
where p.author_id = c.author_id and p.tweet_id = c.tweet_id
returning p.author_id, p.tweet_id;

-- :name update_reach (author_ids, reaches_ms) -> none
-- Authors' followers came to another step: all their tweets that are ranked. Served by popular_pkey.
update popular p set reach_ms = c.reach_ms
from (select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(reaches_ms)s::bigint[]) as reach_ms) c
where p.author_id = c.author_id and p.reach_ms <> c.reach_ms;

-- :name delete (author_ids, tweet_ids) -> none
-- Tweets that are gone. Served by popular_pkey.
delete from popular
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_best (below_score_ms, below_id, page_size) -> many
-- Everybody's tweets, the most popular first, from below a place on. Served by popular_best alone.
select score_ms, tweet_id, author_id, coalesce(reply_to_author_id, 0)
from popular
where (score_ms, tweet_id) < (%(below_score_ms)s, %(below_id)s)
order by score_ms desc, tweet_id desc
limit %(page_size)s;

-- :name fetch_best_of (author_ids, since_id, from_score_ms, below_score_ms, below_id, page_size) -> many
-- The same of some authors, and since some id. The bound from_score_ms keeps the read small; the caller widens it.
-- Served by popular_by_author alone.
select score_ms, tweet_id, author_id, coalesce(reply_to_author_id, 0)
from popular
where author_id = any(%(author_ids)s::bigint[])
    and score_ms >= %(from_score_ms)s and (score_ms, tweet_id) < (%(below_score_ms)s, %(below_id)s)
    and tweet_id >= %(since_id)s
order by score_ms desc, tweet_id desc
limit %(page_size)s;

-- :name find_score_at (rank) -> value
-- The score at a place from the top, counted from 0. Served by popular_best alone.
select score_ms from popular order by score_ms desc, tweet_id desc offset %(rank)s limit 1;

-- :name delete_below (below_score_ms, page_size) -> none
-- The least popular of all, some at a time. Served by popular_best and popular_pkey.
delete from popular
where (author_id, tweet_id) in (
    select author_id, tweet_id from popular
    where score_ms < %(below_score_ms)s
    order by score_ms, tweet_id
    limit %(page_size)s
);

-- :name fetch_ranked (after_author_id, after_tweet_id, page_size) -> many
-- All that is ranked, page by page. Served by popular_pkey.
select author_id, tweet_id from popular
where (author_id, tweet_id) > (%(after_author_id)s, %(after_tweet_id)s)
order by author_id, tweet_id
limit %(page_size)s;

-- :name update_scores (author_ids, tweet_ids, engagements_ms, reaches_ms) -> none
-- Both parts of the scores of tweets that are ranked. Served by popular_pkey.
update popular p set engagement_ms = c.engagement_ms, reach_ms = c.reach_ms
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(engagements_ms)s::bigint[]) as engagement_ms, unnest(%(reaches_ms)s::bigint[]) as reach_ms
) c
where p.author_id = c.author_id and p.tweet_id = c.tweet_id
    and (p.engagement_ms, p.reach_ms) is distinct from (c.engagement_ms, c.reach_ms);
