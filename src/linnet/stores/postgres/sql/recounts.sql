-- :name fetch_user_ids (after_id, page_size) -> many
-- All users, a page at a time. Served by users_pkey alone.
select id from users where id > %(after_id)s order by id limit %(page_size)s;

-- :name count_users (user_ids) -> many
-- What counters of users say, and what there is, at one moment (direct tweets do not count); those of accounts that are being erased are kept up no
-- more. Served by users_pkey, tweets_pkey, followers_pkey and following_pkey.
select u.id, u.tweets_count, u.followers_count, u.following_count,
    (select count(*) from tweets t where t.author_id = u.id and t.visibility is distinct from 'direct'),
    (select count(*) from followers f where f.user_id = u.id),
    (select count(*) from following f where f.user_id = u.id)
from users u
where u.id = any(%(user_ids)s::bigint[]) and u.deleted_ms is null
order by u.id;

-- :name fetch_tweets (after_author_id, after_id, page_size) -> many
-- All tweets by author, a page at a time, with what they answer or retweet; a direct answer is noted nowhere. Served by tweets_pkey.
select author_id, id, case when visibility is distinct from 'direct' then reply_to_author_id end,
    case when visibility is distinct from 'direct' then reply_to_id end, retweet_of_author_id, retweet_of_id
from tweets
where (author_id, id) > (%(after_author_id)s, %(after_id)s)
order by author_id, id
limit %(page_size)s;

-- :name count_notes (author_ids, tweet_ids) -> many
-- What counters of tweets say, and what is noted under them, at one moment; not of accounts that are being erased, which
-- lose their notes first. Served by tweets_pkey, replies_pkey, retweets_pkey, tweet_likes_pkey and users_pkey.
select t.author_id, t.id, t.replies_count, t.retweets_count, t.likes_count,
    (select count(*) from replies r where r.author_id = t.author_id and r.tweet_id = t.id),
    (select count(*) from retweets r where r.author_id = t.author_id and r.tweet_id = t.id),
    (select count(*) from tweet_likes l where l.author_id = t.author_id and l.tweet_id = t.id)
from tweets t
where t.author_id = any(%(author_ids)s::bigint[]) and t.id = any(%(tweet_ids)s::bigint[])
    and exists (select from users u where u.id = t.author_id and u.deleted_ms is null)
order by t.author_id, t.id;

-- :name fetch_tweets_among (author_ids, tweet_ids) -> many
-- Which of these tweets are there, with what they answer or retweet now. Served by tweets_pkey.
select author_id, id, case when visibility is distinct from 'direct' then reply_to_author_id end,
    case when visibility is distinct from 'direct' then reply_to_id end, retweet_of_author_id, retweet_of_id
from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]);

-- :name fetch_replies (after_author_id, after_tweet_id, after_id, page_size) -> many
-- All notes of replies, a page at a time. Served by replies_pkey.
select author_id, tweet_id, reply_author_id, reply_id
from replies
where (author_id, tweet_id, reply_id) > (%(after_author_id)s, %(after_tweet_id)s, %(after_id)s)
order by author_id, tweet_id, reply_id
limit %(page_size)s;

-- :name fetch_noted_replies (author_ids, tweet_ids, reply_ids) -> many
-- Which of these replies are noted. Served by replies_pkey alone.
select r.reply_id
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(reply_ids)s::bigint[]) as reply_id
) n
join replies r on r.author_id = n.author_id and r.tweet_id = n.tweet_id and r.reply_id = n.reply_id;

-- :name fetch_retweets (after_author_id, after_tweet_id, after_id, page_size) -> many
-- All notes of retweets, a page at a time. Served by retweets_pkey.
select author_id, tweet_id, user_id, retweet_id
from retweets
where (author_id, tweet_id, user_id) > (%(after_author_id)s, %(after_tweet_id)s, %(after_id)s)
order by author_id, tweet_id, user_id
limit %(page_size)s;

-- :name fetch_noted_retweets (author_ids, tweet_ids, user_ids, retweet_ids) -> many
-- Which of these retweets are noted. Served by retweets_pkey.
select r.retweet_id
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id, unnest(%(retweet_ids)s::bigint[]) as retweet_id
) n
join retweets r on r.author_id = n.author_id and r.tweet_id = n.tweet_id and r.user_id = n.user_id
    and r.retweet_id = n.retweet_id;

-- :name fetch_likes (after_user_id, after_tweet_id, page_size) -> many
-- All likes, a page at a time. Served by likes_pkey.
select user_id, tweet_id, author_id, id
from likes
where (user_id, tweet_id) > (%(after_user_id)s, %(after_tweet_id)s)
order by user_id, tweet_id
limit %(page_size)s;

-- :name fetch_like_notes (after_author_id, after_tweet_id, after_user_id, page_size) -> many
-- All notes of likes, a page at a time. Served by tweet_likes_pkey.
select user_id, tweet_id, author_id, id
from tweet_likes
where (author_id, tweet_id, user_id) > (%(after_author_id)s, %(after_tweet_id)s, %(after_user_id)s)
order by author_id, tweet_id, user_id
limit %(page_size)s;

-- :name fetch_noted_likes (author_ids, tweet_ids, user_ids) -> many
-- What is noted of these people under these tweets. Served by tweet_likes_pkey.
select l.user_id, l.tweet_id, l.author_id, l.id
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id
) n
join tweet_likes l on l.author_id = n.author_id and l.tweet_id = n.tweet_id and l.user_id = n.user_id;

-- :name fetch_polls (after_author_id, after_id, page_size) -> many
-- All tweets with polls by author, a page at a time. Served by tweets_with_polls.
select author_id, id
from tweets
where (author_id, id) > (%(after_author_id)s, %(after_id)s) and poll is not null
order by author_id, id
limit %(page_size)s;

-- :name count_polls (author_ids, tweet_ids) -> many
-- What polls say of who voted, and what is noted under them, at one moment; not of accounts that are being erased. Served
-- by tweets_pkey, tweet_votes_pkey and users_pkey.
select t.author_id, t.id, t.poll_voters, t.poll_votes[1], t.poll_votes[2], t.poll_votes[3], t.poll_votes[4],
    coalesce(n.voters, 0), coalesce(n.first, 0), coalesce(n.second, 0), coalesce(n.third, 0), coalesce(n.fourth, 0)
from tweets t
left join (
    select v.author_id, v.tweet_id, count(*) as voters, sum(v.choices & 1) as first, sum((v.choices >> 1) & 1) as second,
        sum((v.choices >> 2) & 1) as third, sum((v.choices >> 3) & 1) as fourth
    from tweet_votes v
    where v.author_id = any(%(author_ids)s::bigint[]) and v.tweet_id = any(%(tweet_ids)s::bigint[])
    group by v.author_id, v.tweet_id
) n on n.author_id = t.author_id and n.tweet_id = t.id
where t.author_id = any(%(author_ids)s::bigint[]) and t.id = any(%(tweet_ids)s::bigint[]) and t.poll is not null
    and exists (select from users u where u.id = t.author_id and u.deleted_ms is null)
order by t.author_id, t.id;

-- :name fetch_votes (after_user_id, after_tweet_id, page_size) -> many
-- All votes, a page at a time. Served by votes_pkey.
select user_id, tweet_id, author_id, choices, 0
from votes
where (user_id, tweet_id) > (%(after_user_id)s, %(after_tweet_id)s)
order by user_id, tweet_id
limit %(page_size)s;

-- :name fetch_vote_notes (after_author_id, after_tweet_id, after_user_id, page_size) -> many
-- All notes of votes, a page at a time. Served by tweet_votes_pkey.
select user_id, tweet_id, author_id, choices, 0
from tweet_votes
where (author_id, tweet_id, user_id) > (%(after_author_id)s, %(after_tweet_id)s, %(after_user_id)s)
order by author_id, tweet_id, user_id
limit %(page_size)s;

-- :name fetch_noted_votes (author_ids, tweet_ids, user_ids) -> many
-- What is noted of these people under these polls. Served by tweet_votes_pkey.
select v.user_id, v.tweet_id, v.author_id, v.choices, 0
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as tweet_id,
        unnest(%(user_ids)s::bigint[]) as user_id
) n
join tweet_votes v on v.author_id = n.author_id and v.tweet_id = n.tweet_id and v.user_id = n.user_id;

-- :name count_tags (tags) -> many
-- What counters of tags say, how many tweets carry them and how many people used them lately, at one moment. Served by
-- tags_pkey, tweet_tags_newest and tag_people_of_tag.
select t.tag, t.tweets_count, t.people_count, coalesce(u.tweets, 0), coalesce(p.people, 0)
from tags t
left join (select tag, count(*) as tweets from tweet_tags where tag = any(%(tags)s::text[]) group by tag) u
    on u.tag = t.tag
left join (select tag, count(*) as people from tag_people where tag = any(%(tags)s::text[]) group by tag) p
    on p.tag = t.tag
where t.tag = any(%(tags)s::text[])
order by t.tag;

-- :name fetch_held_back (user_ids) -> many
-- Whom events that wait or are parked still concern, as their actor or by being named. A scan of two tables that are
-- small when all is well, read once however many are asked about.
with waiting as (
    select actor_id, payload from outbox
    union all
    select actor_id, payload from parked_events
), concerned as (
    select actor_id::text as id from waiting
    union all
    select named[1] from waiting, regexp_matches(payload::text, '\d+', 'g') named
)
select distinct a.id
from unnest(%(user_ids)s::bigint[]) a (id)
join concerned c on c.id = a.id::text;
