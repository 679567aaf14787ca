-- Leaving: what an account that is being erased has among its own rows and in those of others, some at a time.

-- :name mark_deleted (user_id, old_hash, now_ms) -> value
-- Nobody sees the account from this commit on, and no password is right any more. Returns the new version; null when
-- the password was changed meanwhile, or the account is being erased already. Served by users_pkey.
update users
set deleted_ms = %(now_ms)s, password_hash = '', version = version + 1,
    name = '', bio = '', location = '', phone = null, fields = '{}', last_active_ms = null, previous_visit_ms = null
where id = %(user_id)s and password_hash = %(old_hash)s and deleted_ms is null
returning version;

-- :name delete_sessions (user_id) -> many
-- Logs every device out; returns the tokens' hashes. Served by sessions_pkey.
delete from sessions where user_id = %(user_id)s returning token_hash;

-- :name delete_email (user_id, email) -> none
-- The address is free again. Served by emails_pkey.
delete from emails where email = %(email)s and user_id = %(user_id)s;

-- :name find_leaving (user_id) -> one
-- What is left of an account that is being erased. Served by users_pkey.
select username, email from users where id = %(user_id)s and deleted_ms is not null;

-- :name names_in_outbox (digits) -> value
-- Whether an event that waits is about somebody, whoever's it is: a scan, of a table that is short most of the time.
select exists (select from outbox where position(%(digits)s::text in payload::text) > 0);

-- :name fetch_parked (digits, before_ms, page_size) -> many
-- Parked events that are about somebody, and were parked before a moment: a scan of a small table.
select actor_id, id from parked_events
where position(%(digits)s::text in payload::text) > 0 and parked_at < to_timestamp(%(before_ms)s::float8 / 1000)
order by actor_id, id
limit %(page_size)s;

-- :name fetch_parked_tweets (digits, user_id) -> many
-- Others' tweets that are known to be about somebody from a parked event alone: a scan of a small table.
select (payload->>'author_id')::bigint, (payload->>'tweet_id')::bigint
from parked_events
where actor_id <> %(user_id)s and position(%(digits)s::text in payload::text) > 0
    and payload->>'author_id' is not null and payload->>'tweet_id' is not null;

-- :name delete_parked (user_id) -> none
-- What could not be applied and never will be. Served by parked_events_pkey.
delete from parked_events where actor_id = %(user_id)s;

-- :name blank_parked (digits, nobody) -> none
-- Others' parked events name nobody where they named somebody: a scan of a small table.
update parked_events
set payload = replace(payload::text, %(digits)s::text, %(nobody)s::text)::jsonb,
    reason = replace(reason, %(digits)s::text, %(nobody)s::text)
where position(%(digits)s::text in payload::text || reason) > 0;

-- :name fetch_reply_notes (user_id, page_size) -> many
-- Replies to somebody's tweets: their author, their own id, and which tweet they answer. Served by replies_pkey.
select reply_author_id, reply_id, tweet_id from replies
where author_id = %(user_id)s
order by tweet_id, reply_id
limit %(page_size)s;

-- :name delete_reply_notes (user_id, tweet_ids, reply_ids) -> none
-- These are done. Served by replies_pkey.
delete from replies r
using (select unnest(%(tweet_ids)s::bigint[]) as tweet_id, unnest(%(reply_ids)s::bigint[]) as reply_id) d
where r.author_id = %(user_id)s and r.tweet_id = d.tweet_id and r.reply_id = d.reply_id;

-- :name fetch_late_replies (user_id, from_id, before_id) -> many
-- Replies to somebody in a short stretch of time. Served by tweets_newest.
select author_id, id from tweets
where id >= %(from_id)s and id < %(before_id)s and reply_to_author_id = %(user_id)s;

-- :name update_answered (author_ids, tweet_ids, user_id, nobody) -> many
-- Replies to somebody are replies to nobody now; returns their new versions. Rows must be locked. Served by tweets_pkey.
update tweets
set reply_to_author_id = %(nobody)s, version = version + 1
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[])
    and reply_to_author_id = %(user_id)s
returning id, version;

-- :name update_answered_popular (author_ids, tweet_ids, user_id, nobody) -> none
-- The same of what their ranking knows. Served by popular_pkey.
update popular
set reply_to_author_id = %(nobody)s
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[])
    and reply_to_author_id = %(user_id)s;

-- :name update_answered_tags (author_ids, tweet_ids, user_id, nobody) -> none
-- The same of the tags that they carry. Served by tweet_tags_pkey.
update tweet_tags
set reply_to_author_id = %(nobody)s
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[])
    and reply_to_author_id = %(user_id)s;

-- :name update_answered_documents (author_ids, tweet_ids, user_id, nobody, mark, nobodys_mark) -> none
-- The same of what they are found by, the mark that says whom they answer included. Served by tweet_documents_pkey.
update tweet_documents
set reply_to_author_id = %(nobody)s,
    document = ts_delete(document, %(mark)s::text) || array_to_tsvector(array[%(nobodys_mark)s::text])
where author_id = any(%(author_ids)s::bigint[]) and tweet_id = any(%(tweet_ids)s::bigint[])
    and reply_to_author_id = %(user_id)s;

-- :name fetch_mentions (user_id, page_size) -> many
-- Where somebody is mentioned. Served by mentions_pkey.
select author_id, tweet_id from mentions where user_id = %(user_id)s order by tweet_id limit %(page_size)s;

-- :name fetch_entities (author_ids, tweet_ids) -> many
-- What these tweets show. Served by tweets_pkey.
select author_id, id, entities::text from tweets
where author_id = any(%(author_ids)s::bigint[]) and id = any(%(tweet_ids)s::bigint[]) and entities is not null;

-- :name update_entities (author_ids, tweet_ids, entities) -> many
-- What these tweets show now; returns their new versions. Rows must be locked. Served by tweets_pkey.
update tweets t
set entities = c.entities::json, version = t.version + 1
from (
    select unnest(%(author_ids)s::bigint[]) as author_id, unnest(%(tweet_ids)s::bigint[]) as id,
        unnest(%(entities)s::text[]) as entities
) c
where t.author_id = c.author_id and t.id = c.id
returning t.id, t.version;

-- :name delete_mentions (user_id, tweet_ids) -> none
-- These are done. Served by mentions_pkey.
delete from mentions where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name delete_tweets (user_id, page_size) -> many
-- Some of somebody's tweets, the newest first; returns what their events must carry. Served by tweets_pkey.
delete from tweets
where author_id = %(user_id)s and id in (
    select id from tweets where author_id = %(user_id)s order by id desc limit %(page_size)s
)
returning id, reply_to_id, reply_to_author_id, retweet_of_id, retweet_of_author_id,
    coalesce(visibility = 'direct', false);

-- :name delete_likes (user_id, page_size) -> many
-- Some of what somebody likes. Served by likes_pkey.
delete from likes
where user_id = %(user_id)s and tweet_id in (
    select tweet_id from likes where user_id = %(user_id)s order by tweet_id limit %(page_size)s
)
returning author_id, tweet_id;

-- :name delete_votes (user_id, page_size) -> many
-- Some of what somebody voted. Served by votes_pkey.
delete from votes
where user_id = %(user_id)s and tweet_id in (
    select tweet_id from votes where user_id = %(user_id)s order by tweet_id limit %(page_size)s
)
returning author_id, tweet_id;

-- :name delete_followers (user_id, page_size) -> many
-- Some of somebody's followers, both sides, with the places on their lists and pages. Served by followers_pkey,
-- following_pkey, list_members_member and endorsements_pkey.
with page as (
    select follower_id from followers where user_id = %(user_id)s order by follower_id limit %(page_size)s
), their_side as (
    delete from following f using page p
    where f.user_id = p.follower_id and f.followed_id = %(user_id)s
    returning f.user_id
), own_side as (
    delete from followers f using page p where f.user_id = %(user_id)s and f.follower_id = p.follower_id
), places as (
    delete from list_members m using page p where m.user_id = p.follower_id and m.member_id = %(user_id)s
), shown as (
    delete from endorsements e using page p where e.user_id = p.follower_id and e.other_id = %(user_id)s
)
select user_id from their_side;

-- :name delete_following (user_id, page_size) -> many
-- Some of those somebody follows, both sides. Served by following_pkey and followers_pkey.
with page as (
    select followed_id from following where user_id = %(user_id)s order by followed_id limit %(page_size)s
), own_side as (
    delete from following f using page p
    where f.user_id = %(user_id)s and f.followed_id = p.followed_id
    returning f.followed_id
), their_side as (
    delete from followers f using page p where f.user_id = p.followed_id and f.follower_id = %(user_id)s
)
select followed_id from own_side;

-- :name delete_requests (user_id, page_size) -> value
-- Some of those somebody asked to follow, both sides; how many. Served by follow_requests_pkey and
-- follow_requesters_pkey.
with page as (
    select followed_id from follow_requests where user_id = %(user_id)s order by followed_id limit %(page_size)s
), own_side as (
    delete from follow_requests r using page p where r.user_id = %(user_id)s and r.followed_id = p.followed_id
), their_side as (
    delete from follow_requesters r using page p where r.user_id = p.followed_id and r.requester_id = %(user_id)s
)
select count(*) from page;

-- :name delete_requesters (user_id, page_size) -> value
-- Some of those who asked to follow somebody, both sides; how many. Served by follow_requesters_pkey and
-- follow_requests_pkey.
with page as (
    select requester_id from follow_requesters where user_id = %(user_id)s order by requester_id limit %(page_size)s
), their_side as (
    delete from follow_requests r using page p where r.user_id = p.requester_id and r.followed_id = %(user_id)s
), own_side as (
    delete from follow_requesters r using page p where r.user_id = %(user_id)s and r.requester_id = p.requester_id
)
select count(*) from page;

-- :name delete_blocks (user_id, page_size) -> value
-- Some of those somebody blocks, both sides; how many. Served by blocks_pkey and blocked_by_pkey.
with page as (
    select blocked_id from blocks where user_id = %(user_id)s order by blocked_id limit %(page_size)s
), own_side as (
    delete from blocks b using page p where b.user_id = %(user_id)s and b.blocked_id = p.blocked_id
), their_side as (
    delete from blocked_by b using page p where b.user_id = p.blocked_id and b.blocker_id = %(user_id)s
)
select count(*) from page;

-- :name delete_blocked_by (user_id, page_size) -> value
-- Some of those who block somebody, both sides; how many. Served by blocked_by_pkey and blocks_pkey.
with page as (
    select blocker_id from blocked_by where user_id = %(user_id)s order by blocker_id limit %(page_size)s
), their_side as (
    delete from blocks b using page p where b.user_id = p.blocker_id and b.blocked_id = %(user_id)s
), own_side as (
    delete from blocked_by b using page p where b.user_id = %(user_id)s and b.blocker_id = p.blocker_id
)
select count(*) from page;

-- :name delete_mutes (user_id, page_size) -> none
-- Some of those somebody mutes. Served by mutes_pkey.
delete from mutes where user_id = %(user_id)s and muted_id in (
    select muted_id from mutes where user_id = %(user_id)s order by muted_id limit %(page_size)s
);

-- :name delete_muted (user_id, page_size) -> none
-- Some of those who mute somebody. Served by mutes_muted.
delete from mutes where (user_id, muted_id) in (
    select user_id, muted_id from mutes where muted_id = %(user_id)s limit %(page_size)s
);

-- :name delete_bookmarks (user_id, page_size) -> none
-- Some of what somebody put by. Served by bookmarks_pkey.
delete from bookmarks where user_id = %(user_id)s and tweet_id in (
    select tweet_id from bookmarks where user_id = %(user_id)s order by tweet_id limit %(page_size)s
);

-- :name delete_bookmarked (user_id, page_size) -> none
-- Some of what others put by of somebody's. Served by bookmarks_tweet.
delete from bookmarks where (user_id, tweet_id) in (
    select user_id, tweet_id from bookmarks where author_id = %(user_id)s limit %(page_size)s
);

-- :name delete_remarks (user_id, page_size) -> none
-- Some of what somebody noted of others. Served by remarks_pkey.
delete from remarks where user_id = %(user_id)s and about_id in (
    select about_id from remarks where user_id = %(user_id)s order by about_id limit %(page_size)s
);

-- :name delete_remarked (user_id, page_size) -> none
-- Some of what others noted of somebody. Served by remarks_about.
delete from remarks where (user_id, about_id) in (
    select user_id, about_id from remarks where about_id = %(user_id)s limit %(page_size)s
);

-- :name delete_reports (user_id, page_size) -> none
-- Some of what somebody told the operator. Served by reports_pkey.
delete from reports where user_id = %(user_id)s and id in (
    select id from reports where user_id = %(user_id)s order by id limit %(page_size)s
);

-- :name delete_reported (user_id, page_size) -> none
-- Some of what others told the operator about somebody: who left needs nothing done. Served by reports_about.
delete from reports where (user_id, id) in (
    select user_id, id from reports where about_id = %(user_id)s limit %(page_size)s
);

-- :name delete_lists (user_id, page_size) -> none
-- Some of somebody's lists. Served by lists_pkey.
delete from lists where user_id = %(user_id)s and id in (
    select id from lists where user_id = %(user_id)s order by id limit %(page_size)s
);

-- :name delete_list_members (user_id, page_size) -> none
-- Some of those on somebody's lists. Served by list_members_pkey.
delete from list_members where user_id = %(user_id)s and (list_id, member_id) in (
    select list_id, member_id from list_members where user_id = %(user_id)s limit %(page_size)s
);

-- :name delete_listed (user_id, page_size) -> none
-- Somebody's places on others' lists, should a follow have left one. Served by list_members_member.
delete from list_members where (user_id, list_id, member_id) in (
    select user_id, list_id, member_id from list_members where member_id = %(user_id)s limit %(page_size)s
);

-- :name delete_endorsed (user_id, page_size) -> none
-- Somebody's places on others' pages, should a follow have left one. Served by endorsements_other.
delete from endorsements where (user_id, other_id) in (
    select user_id, other_id from endorsements where other_id = %(user_id)s limit %(page_size)s
);

-- :name delete_dismissed (user_id, page_size) -> none
-- Some of those who did not want somebody to be suggested. Served by dismissed_suggestions_other.
delete from dismissed_suggestions where (user_id, other_id) in (
    select user_id, other_id from dismissed_suggestions where other_id = %(user_id)s limit %(page_size)s
);

-- :name delete_filters (user_id, page_size) -> none
-- Some of the tweets that somebody's filters name. Served by filter_tweets_pkey.
delete from filter_tweets where user_id = %(user_id)s and (filter_id, tweet_id) in (
    select filter_id, tweet_id from filter_tweets where user_id = %(user_id)s limit %(page_size)s
);

-- :name delete_filtered (user_id, page_size) -> none
-- Some of somebody's tweets that others' filters name. Served by filter_tweets_tweet.
delete from filter_tweets where (user_id, filter_id, tweet_id) in (
    select user_id, filter_id, tweet_id from filter_tweets where author_id = %(user_id)s limit %(page_size)s
);

-- :name fetch_direct_replies (user_id, page_size) -> many
-- Direct tweets of others that may answer somebody: what they answer is noted with those whom it is for. Served by
-- directs_pkey.
select author_id, tweet_id from directs
where user_id = %(user_id)s and author_id <> %(user_id)s and reply_to_id is not null
order by tweet_id
limit %(page_size)s;

-- :name delete_direct_replies (user_id, tweet_ids) -> none
-- These are done. Served by directs_pkey.
delete from directs where user_id = %(user_id)s and tweet_id = any(%(tweet_ids)s::bigint[]);

-- :name delete_directs (user_id, page_size) -> none
-- Some of the direct tweets that somebody has. Served by directs_pkey.
delete from directs where user_id = %(user_id)s and tweet_id in (
    select tweet_id from directs where user_id = %(user_id)s order by tweet_id limit %(page_size)s
);

-- :name delete_conversations (user_id, page_size) -> none
-- Some of somebody's conversations. Served by conversations_pkey.
delete from conversations where user_id = %(user_id)s and conversation_id in (
    select conversation_id from conversations where user_id = %(user_id)s order by conversation_id limit %(page_size)s
);

-- :name delete_conversation_mutes (user_id, page_size) -> none
-- Some of those that somebody muted. Served by conversation_mutes_pkey.
delete from conversation_mutes where user_id = %(user_id)s and conversation_id in (
    select conversation_id from conversation_mutes where user_id = %(user_id)s
    order by conversation_id
    limit %(page_size)s
);

-- :name fetch_notified (user_id, page_size) -> many
-- Some of those whom somebody's doings were told to. Served by notifications_by_actor.
select distinct user_id from notifications where actor_id = %(user_id)s order by user_id limit %(page_size)s;

-- :name delete_notifications (user_id, page_size) -> none
-- Some of what somebody was told. Served by notifications_pkey.
delete from notifications where user_id = %(user_id)s and (kind, group_id, actor_id) in (
    select kind, group_id, actor_id from notifications where user_id = %(user_id)s limit %(page_size)s
);

-- :name delete_own (user_id) -> none
-- Rows of which a user has few, or one. Served by notification_groups_pkey, notification_states_pkey,
-- idempotency_keys_pkey, follow_changes_pkey, markers_pkey, filters_pkey, featured_tags_pkey, followed_tags_pkey,
-- preferences_pkey, endorsements_pkey, dismissed_suggestions_pkey, scheduled_tweets_pkey,
-- push_subscriptions_pkey and top_users_pkey.
with groups as (
    delete from notification_groups where user_id = %(user_id)s
), states as (
    delete from notification_states where user_id = %(user_id)s
), idempotency as (
    delete from idempotency_keys where user_id = %(user_id)s
), changes as (
    delete from follow_changes where user_id = %(user_id)s
), read_markers as (
    delete from markers where user_id = %(user_id)s
), shown_tags as (
    delete from featured_tags where user_id = %(user_id)s
), shown_people as (
    delete from endorsements where user_id = %(user_id)s
), not_to_be_posted as (
    delete from scheduled_tweets where user_id = %(user_id)s
), dismissed as (
    delete from dismissed_suggestions where user_id = %(user_id)s
), read_tags as (
    delete from followed_tags where user_id = %(user_id)s
), own_filters as (
    delete from filters where user_id = %(user_id)s
), begun_with as (
    delete from preferences where user_id = %(user_id)s
), told_devices as (
    delete from push_subscriptions where user_id = %(user_id)s
)
delete from top_users where user_id = %(user_id)s;

-- :name forget_view_changes (user_id) -> none
-- Whose windows were dropped lately over the user: that they were stays known. A scan of what a day brings.
with over_the_user as (
    delete from view_changes where other_id = %(user_id)s returning user_id, id
)
insert into view_changes (user_id, id, other_id)
select user_id, id, 0 from over_the_user where user_id <> %(user_id)s
on conflict do nothing;

-- :name delete_view_changes (user_id) -> none
-- When the user's own window was dropped lately. Served by view_changes_pkey.
delete from view_changes where user_id = %(user_id)s;

-- :name delete_user (user_id) -> none
-- The account itself. Its username stays reserved, and is nobody's. Served by users_pkey and usernames_pkey.
with gone as (
    delete from users where id = %(user_id)s and deleted_ms is not null returning id, username
)
update usernames u set user_id = 0 from gone g where u.username = g.username and u.user_id = g.id;

-- :name delete_jobs (user_id) -> none
-- Jobs about somebody, but for the one that runs. Done jobs are gone: a small table.
delete from linnet_jobs.procrastinate_jobs
where args @> jsonb_build_object('user_id', %(user_id)s::bigint) and status <> 'doing';
