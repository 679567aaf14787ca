-- Likes, blocks and mutes, tags, mentions, notifications, popular tweets, profiles and leaving. As before, each table is
-- distributed by its first column, the user who owns the row; "tags" belongs to nobody and is written by event workers.

alter table users
    drop column avatar_url,
    -- Which picture of the media store; null: the one that is drawn from the id.
    add column avatar text,
    add column last_active_ms bigint,
    -- When the visit before this one ended: what came since then is news.
    add column previous_visit_ms bigint,
    -- The wide picture above the profile, in the same store; null: none.
    add column header text,
    -- Labels and what stands beside them, in turn.
    add column fields text[] not null default '{}',
    add column is_bot boolean not null default false,
    -- Whether it may be suggested to people.
    add column is_discoverable boolean not null default true,
    -- Whether search engines may show what lies on this user's pages.
    add column is_indexable boolean not null default true,
    -- Set: the account is being erased and nobody sees it any more.
    add column deleted_ms bigint;

-- Whether anybody has a picture; asked before one is deleted.
create index users_avatar on users (avatar) where avatar is not null;
create index users_header on users (header) where header is not null;

create unique index tweets_one_pin on tweets (author_id) where pinned;

-- A like, owned by whoever likes; and the note of it under the tweet, owned by the tweet's author and written by the
-- event worker.
create table likes (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    primary key (user_id, tweet_id)
);
create index likes_newest on likes (user_id, id desc) include (tweet_id, author_id);

create table tweet_likes (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    id bigint not null,
    primary key (author_id, tweet_id, user_id)
);
create index tweet_likes_newest on tweet_likes (author_id, tweet_id, id desc) include (user_id);

-- The two sides of a block, always written together, as those of a follow are.
create table blocks (
    user_id bigint not null,
    blocked_id bigint not null,
    id bigint not null,
    primary key (user_id, blocked_id)
);
create index blocks_newest on blocks (user_id, id desc) include (blocked_id);

create table blocked_by (
    user_id bigint not null,
    blocker_id bigint not null,
    id bigint not null,
    primary key (user_id, blocker_id)
);

create table mutes (
    user_id bigint not null,
    muted_id bigint not null,
    id bigint not null,
    -- When it ends by itself; null: never.
    until_ms bigint,
    primary key (user_id, muted_id)
);
create index mutes_newest on mutes (user_id, id desc) include (muted_id);
-- Who mutes somebody is looked up when that account is erased, and never else.
create index mutes_muted on mutes (muted_id);
create index mutes_ending on mutes (until_ms) where until_ms is not null;

-- Which tweets carry a tag; "tag" is folded, as domain.hashtags.fold_tag does it. Tags are in the order of their bytes,
-- whatever the database's language: beginnings are looked up by range, and locks are taken in one order everywhere.
create table tweet_tags (
    author_id bigint not null,
    tweet_id bigint not null,
    tag text collate "C" not null,
    reply_to_author_id bigint,
    primary key (author_id, tweet_id, tag)
);
create index tweet_tags_newest on tweet_tags (tag, tweet_id desc) include (author_id, reply_to_author_id);

-- Who used a tag lately, and in which tweet last: what trending counts. Rows leave with the window, so the table is as
-- large as what people did within it.
create table tag_people (
    user_id bigint not null,
    tag text collate "C" not null,
    last_id bigint not null,
    primary key (user_id, tag)
);
create index tag_people_of_tag on tag_people (tag, last_id);
create index tag_people_oldest on tag_people (last_id);

-- One row for each tag that is used, or that an operator pinned or hid. "display" is how one of its tweets writes it,
-- the one that "display_tweet_id" names. "rank" is domain.trending's; "trends" says that it counts.
create table tags (
    tag text collate "C" primary key,
    display text not null,
    display_author_id bigint,
    display_tweet_id bigint,
    tweets_count bigint not null default 0,
    people_count bigint not null default 0,
    rank double precision,
    trends boolean not null default false,
    is_hidden boolean not null default false,
    pinned_id bigint
);
create index tags_trending on tags (rank desc, tag) where trends;
create index tags_pinned on tags (pinned_id) where pinned_id is not null;
create index tags_hidden on tags (tag) where is_hidden;
create index tags_most_used on tags (tweets_count desc, tag) where tweets_count > 0;

-- Whom a tweet mentions, owned by the person who is mentioned.
create table mentions (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    primary key (user_id, tweet_id)
);
create index mentions_of_tweet on mentions (author_id, tweet_id);

-- What others did that concerns a user: a row for each cause, gone with it. Causes of one kind about one thing are a
-- group: likes and retweets of a tweet, the new followers of a day; each reply and each mention is its own.
create table notifications (
    user_id bigint not null,
    kind text not null,
    group_id bigint not null,
    actor_id bigint not null,
    id bigint not null,
    primary key (user_id, kind, group_id, actor_id)
);
create unique index notifications_newest on notifications (user_id, id desc) include (kind, group_id, actor_id);
create index notifications_of_group on notifications (user_id, kind, group_id, id desc) include (actor_id);
create index notifications_by_actor on notifications (actor_id, user_id);

create table notification_groups (
    user_id bigint not null,
    kind text not null,
    group_id bigint not null,
    newest_id bigint not null,
    people_count bigint not null,
    primary key (user_id, kind, group_id)
);
create index notification_groups_newest on notification_groups (user_id, newest_id desc);

-- The last id given to a notification of a user, and up to which they have read. The row's lock puts the ids of a user
-- into the order of their commits, so that nothing comes in below what was read.
create table notification_states (
    user_id bigint primary key,
    last_id bigint not null,
    read_id bigint not null default 0
);

-- How popular tweets are (domain.popularity): the moment at which each ranks as if posted then, without a like. All
-- that a ranking needs is in the indexes.
create table popular (
    author_id bigint not null,
    tweet_id bigint not null,
    reply_to_author_id bigint,
    engagement_ms bigint not null,
    reach_ms bigint not null,
    score_ms bigint not null generated always as ((tweet_id >> 16) + engagement_ms + reach_ms) stored,
    primary key (author_id, tweet_id)
);
create index popular_best on popular (score_ms desc, tweet_id desc) include (author_id, reply_to_author_id);
create index popular_by_author on popular (author_id, score_ms desc, tweet_id desc) include (reply_to_author_id);

-- Whom to suggest to somebody who follows nobody yet.
create index users_most_followed on users (followers_count desc, id desc) where deleted_ms is null;

-- What tweets can be found by (domain.documents), of all but retweets.
create table tweet_documents (
    author_id bigint not null,
    tweet_id bigint not null,
    reply_to_author_id bigint,
    document tsvector not null,
    primary key (author_id, tweet_id)
);
create index tweet_documents_newest on tweet_documents (tweet_id desc);
-- New documents wait in a list that every search reads whole: kept short, or it would cost more than it saves.
create index tweet_documents_words on tweet_documents using gin (document) with (gin_pending_list_limit = 512);

-- Names as they are compared: without case, accents and punctuation; letters of scripts without spaces are words.
create function fold_name(name text) returns text
language sql immutable strict parallel safe
return btrim(regexp_replace(regexp_replace(regexp_replace(
    replace(translate(lower(normalize(name, nfkd)), 'øłđðıħё', 'olddihе'), 'ß', 'ss'),
    '[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u200b-\u200f\ufe00-\ufe0f]', '', 'g'),
    '([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u9fff])', ' \1 ', 'g'),
    '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u2000-\u206f\u3000-\u3020\uff01-\uff0f]+', ' ', 'g'));

-- What a person can be found by: the words of both names, and each word's trigrams, which most typing errors leave some
-- of. Nothing here depends on the database's locale, as pg_trgm does.
create function name_keys(username text, name text) returns tsvector
language sql immutable strict parallel safe
return coalesce((
    select array_to_tsvector(array_agg(keys.key))
    from unnest(string_to_array(fold_name(username || ' ' || name), ' ')) words (word),
        lateral (
            select 'w/' || words.word
            union all
            select 't/' || substr('  ' || words.word || ' ', at, 3) from generate_series(1, length(words.word) + 1) at
        ) keys (key)
    where words.word <> ''
), ''::tsvector);

create index users_username on users (username text_pattern_ops) where deleted_ms is null;
create index users_names on users using gin (name_keys(username, name)) where deleted_ms is null;

-- Tweets that are there already lack documents, tags and mentions. A job brings them, from the newest on, and notes here
-- how far it is (write/fanout/oldtweets.py).
insert into installation (key, value)
select 'old_tweets_below', '9223372036854775807' where exists (select from tweets);

-- Which history of Valkey is believed: the one row says under which number, and which life of which server holds it.
-- No server: what there is lacks something, or may, and somebody is about to repair it.
create table valkey_history (
    one boolean primary key default true check (one),
    generation bigint not null,
    server text not null
);

-- Event workers, and when each last said that it lives. Not logged: after a crash they say so again.
create unlogged table event_workers (
    id bigint primary key,
    seen_at timestamptz not null
);

-- Whose windows event workers dropped lately, and over whom (0: over nobody in particular): what must be done again in
-- a Valkey that may have missed it. Kept for hours.
create table view_changes (
    user_id bigint not null,
    id bigint not null,
    other_id bigint not null,
    primary key (user_id, id, other_id)
);
create index view_changes_newest on view_changes (id) include (user_id, other_id);

-- Apps that people may let in, distributed by their own id: nobody owns them. Only digests of secrets are kept.
create table apps (
    id bigint primary key,
    name text not null,
    website text,
    redirect_uris text[] not null,
    scopes text not null,
    secret_hash bytea not null,
    token_hash bytea,
    tokens_count integer not null default 0,
    -- Set: somebody let it in, or it asked for a token of its own. Others go after some days.
    used_ms bigint
);
create index apps_unused on apps (id) where used_ms is null;

-- What a person granted an app, until it is redeemed; afterwards for as long as the code would have been good, to know
-- when somebody comes with it again.
create table oauth_codes (
    user_id bigint not null,
    code_hash bytea not null,
    app_id bigint not null,
    redirect_uri text not null,
    scopes text not null,
    challenge text,
    expires_ms bigint not null,
    session_id bigint,
    primary key (user_id, code_hash)
);
create index oauth_codes_oldest on oauth_codes (expires_ms);

-- An app that was let in has a session like any log-in; what it may do stands there. Null: everything.
alter table sessions
    add column app_id bigint,
    add column scopes text;

-- How far a person has read, as their apps tell each other.
create table markers (
    user_id bigint not null,
    timeline text not null,
    last_read_id bigint not null,
    version bigint not null,
    updated_ms bigint not null,
    primary key (user_id, timeline)
);

-- What somebody put by for later, which nobody else knows of.
create table bookmarks (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    primary key (user_id, tweet_id)
);
create index bookmarks_newest on bookmarks (user_id, id desc) include (tweet_id, author_id);
-- Looked up when the tweet goes, or its author.
create index bookmarks_tweet on bookmarks (author_id, tweet_id);

-- What somebody noted of somebody else, for themselves alone.
create table remarks (
    user_id bigint not null,
    about_id bigint not null,
    text text not null,
    primary key (user_id, about_id)
);
-- Looked up when the other account is erased, and never else.
create index remarks_about on remarks (about_id);

-- Pictures that people put into tweets, from their upload on.
create table attachments (
    owner_id bigint not null,
    id bigint not null,
    -- What its files are called. Nobody can guess it, and no other row ever has it.
    name text not null,
    -- "new": its files are on their way. "ready": they are there. "gone": they are to be deleted, and then the row.
    state text not null default 'new',
    -- Which tweet it stands in; null: none.
    tweet_id bigint,
    -- Which tweet that is posted later keeps it; null: none.
    scheduled_id bigint,
    -- Since when it waits: for its files, for a tweet, or to be deleted.
    waits_since_ms bigint not null,
    width integer not null default 0,
    height integer not null default 0,
    small_width integer not null default 0,
    small_height integer not null default 0,
    blurhash text not null default '',
    description text not null default '',
    focus_x double precision not null default 0,
    focus_y double precision not null default 0,
    primary key (owner_id, id)
);
create index attachments_of_tweet on attachments (owner_id, tweet_id) where tweet_id is not null;
create index attachments_waiting on attachments (owner_id, id) where tweet_id is null;
create index attachments_scheduled on attachments (owner_id, scheduled_id) where scheduled_id is not null;
-- Whether a file is anybody's, and all files in order.
create index attachments_name on attachments (name);

-- What a tweet says of its own pictures, so that whoever shows it looks nowhere else; and what one reads before it.
alter table tweets
    add column attachments json,
    add column warning text,
    add column sensitive boolean not null default false;
create index tweets_with_attachments on tweets (author_id, id desc) include (reply_to_author_id)
    where attachments is not null;
create index tweets_newest_with_attachments on tweets (id desc) where attachments is not null;

-- Whoever is set to this lets people follow only whom they accepted.
alter table users add column locked boolean not null default false;

-- The two sides of a wish to follow, always written together, as those of a follow are; there is never both.
create table follow_requests (
    user_id bigint not null,
    followed_id bigint not null,
    id bigint not null,
    primary key (user_id, followed_id)
);

create table follow_requesters (
    user_id bigint not null,
    requester_id bigint not null,
    id bigint not null,
    primary key (user_id, requester_id)
);
create index follow_requesters_newest on follow_requesters (user_id, id desc) include (requester_id);

-- What somebody told the operator about somebody else. About the same there is one that nobody dealt with yet.
create table reports (
    user_id bigint not null,
    id bigint not null,
    about_id bigint not null,
    tweet_ids bigint[] not null,
    category text not null,
    comment text not null,
    rules text[] not null,
    resolved_ms bigint,
    resolution text not null default '',
    primary key (user_id, id)
);
create unique index reports_open on reports (user_id, about_id, tweet_ids) where resolved_ms is null;
create index reports_waiting on reports (id) where resolved_ms is null;
create index reports_newest on reports (id);
-- Looked up when the other account is erased, and never else.
create index reports_about on reports (about_id);

-- Lists of people whom their owner follows, or of the owner. "replies": to whom members' replies are shown ('followed',
-- 'list' or 'none'). "exclusive": what its members write is not in the owner's home timeline.
create table lists (
    user_id bigint not null,
    id bigint not null,
    title text not null,
    replies text not null,
    exclusive boolean not null default false,
    primary key (user_id, id)
);

-- "id" orders them. A row goes with the follow, in one statement.
create table list_members (
    user_id bigint not null,
    list_id bigint not null,
    member_id bigint not null,
    id bigint not null,
    primary key (user_id, list_id, member_id)
);
create index list_members_newest on list_members (user_id, list_id, id desc) include (member_id);
-- Which lists somebody is on; also looked up when that account is erased.
create index list_members_member on list_members (member_id, user_id) include (list_id);

-- All filters of somebody, as one value (domain.filters): it is read whole, and its version says whether it changed.
create table filters (
    user_id bigint primary key,
    version bigint not null,
    document json not null
);

-- Tweets that a filter names.
create table filter_tweets (
    user_id bigint not null,
    filter_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    id bigint not null,
    primary key (user_id, filter_id, tweet_id)
);
-- Looked up when the tweet goes, or its author.
create index filter_tweets_tweet on filter_tweets (author_id, tweet_id);

-- Whom somebody does not want to be suggested; "id" orders them.
create table dismissed_suggestions (
    user_id bigint not null,
    other_id bigint not null,
    id bigint not null,
    primary key (user_id, other_id)
);
-- Looked up when the other account is erased, and never else.
create index dismissed_suggestions_other on dismissed_suggestions (other_id);

-- Whom somebody shows on their page; "id" orders them. A row goes with the follow, in one statement.
create table endorsements (
    user_id bigint not null,
    other_id bigint not null,
    id bigint not null,
    primary key (user_id, other_id)
);
-- Looked up when the other account is erased, and never else.
create index endorsements_other on endorsements (other_id);

-- Tweets that are posted later, each until it is. "draft" is domain.scheduled.ScheduledDraft; "failure" says why it could
-- not be posted: then it waits for its author alone.
create table scheduled_tweets (
    user_id bigint not null,
    id bigint not null,
    due_ms bigint not null,
    draft json not null,
    failure text,
    primary key (user_id, id)
);
create index scheduled_tweets_due on scheduled_tweets (due_ms, id) where failure is null;

-- Tags that somebody shows on their page; "display" is how they write it.
create table featured_tags (
    user_id bigint not null,
    tag text collate "C" not null,
    display text not null,
    id bigint not null,
    primary key (user_id, tag)
);
-- Tags whose tweets somebody has at home; "display" is how they write it.
create table followed_tags (
    user_id bigint not null,
    tag text collate "C" not null,
    display text not null,
    id bigint not null,
    primary key (user_id, tag)
);
create index followed_tags_newest on followed_tags (user_id, id desc) include (tag, display);

-- How often an author uses a tag.
create index tweet_tags_of_author on tweet_tags (author_id, tag, tweet_id desc);

-- Who may see a tweet (domain/visibility.py). Null: everybody, everywhere. A retweet has that of what is in it.
alter table tweets add column visibility text check (visibility in ('unlisted', 'private', 'direct'));

-- Direct tweets are in no timeline, which is read from this index alone.
alter table tweets
    drop constraint tweets_pkey,
    add primary key (author_id, id) include (reply_to_author_id, retweet_of_author_id, retweet_of_id, visibility);

-- The first tweet of its conversation (domain/conversations.py). Null: itself, if it answers nothing; else nobody noted it.
alter table tweets add column conversation_id bigint;

-- With what somebody's apps begin a post, as they tell each other.
create table preferences (
    user_id bigint primary key,
    visibility text not null default 'public',
    sensitive boolean not null default false,
    language text
);

-- A tweet's poll (domain.polls) as it was posted, how many voted, and how often each option was chosen: three values
-- that are there together. "poll_ending_ms": when it ends, as long as that has not been told to anybody.
alter table tweets
    add column poll json,
    add column poll_ending_ms bigint,
    add column poll_voters bigint,
    add column poll_votes bigint[];
create index tweets_with_polls on tweets (author_id, id) where poll is not null;
create index tweets_polls_ending on tweets (poll_ending_ms) where poll_ending_ms is not null;

-- What somebody chose, once and for good, owned by whoever votes; and the note of it under the poll, owned by its
-- author and written by the event worker. "choices": a bit for each option, the lowest for the first. "version": that
-- of the tweet since when the poll counts it; null: not yet.
create table votes (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    choices smallint not null,
    version bigint,
    primary key (user_id, tweet_id)
);

create table tweet_votes (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    choices smallint not null,
    primary key (author_id, tweet_id, user_id)
);

-- Since when a tweet says what it says; null: since it was posted. A retweet says nothing that could change.
alter table tweets add column edited_ms bigint;

-- What a tweet said before it was edited, and since when. Of its mentions it keeps the text alone, and nobody's id.
create table tweet_versions (
    author_id bigint not null,
    tweet_id bigint not null,
    since_ms bigint not null,
    text text not null,
    entities json,
    attachments json,
    warning text,
    sensitive boolean not null,
    primary key (author_id, tweet_id, since_ms)
);

-- Where a log-in or an app is told of notifications when it is not open. "token" is the app's, hidden; "due_ms" says since
-- when something may wait, "held_ms" until when nobody else sends it, "calm_ms" before when likes and the like do not hurry.
create table push_subscriptions (
    user_id bigint not null,
    session_id bigint not null,
    id bigint not null,
    endpoint text not null,
    public_key bytea not null,
    auth bytea not null,
    standard boolean not null,
    alerts text not null,
    policy text not null,
    token bytea,
    base_url text not null,
    sent_id bigint not null,
    due_ms bigint,
    held_ms bigint not null default 0,
    calm_ms bigint not null default 0,
    failures integer not null default 0,
    failing_ms bigint,
    primary key (user_id, session_id)
);
create index push_subscriptions_due on push_subscriptions (due_ms) where due_ms is not null;

-- Direct tweets as those have them whom they are for, their authors included, written by the event worker. "reply_to_id":
-- which tweet it answers, whatever that is. "hidden": the person put the conversation away after it came.
create table directs (
    user_id bigint not null,
    tweet_id bigint not null,
    author_id bigint not null,
    conversation_id bigint not null,
    reply_to_id bigint,
    unread boolean not null,
    hidden boolean not null default false,
    primary key (user_id, tweet_id)
);
create index directs_of_conversation on directs (user_id, conversation_id, tweet_id desc) include (author_id)
    where not hidden;
create index directs_unread on directs (user_id, conversation_id) include (author_id) where unread;
create index directs_answering on directs (user_id, reply_to_id, tweet_id desc) include (author_id)
    where reply_to_id is not null;
-- Looked up when the tweet goes.
create index directs_of_tweet on directs (author_id, tweet_id);

-- In which order somebody's conversations stand: by the newest tweet of each that is not hidden.
create table conversations (
    user_id bigint not null,
    conversation_id bigint not null,
    last_id bigint not null,
    primary key (user_id, conversation_id)
);
create index conversations_newest on conversations (user_id, last_id desc) include (conversation_id);

-- Conversations, of whatever visibility, that somebody does not want to be notified of.
create table conversation_mutes (
    user_id bigint not null,
    conversation_id bigint not null,
    primary key (user_id, conversation_id)
);
