-- The truth. Every table that grows is distributed by the user who owns the row (first column of its primary key), and
-- nothing here refers to another owner's rows by a foreign key, so that the same schema runs on Citus unchanged.

create table users (
    id bigint primary key,
    username text not null,
    name text not null,
    email text not null,
    phone text,
    bio text not null default '',
    location text not null default '',
    avatar_url text,
    password_hash text not null,
    tweets_count bigint not null default 0,
    followers_count bigint not null default 0,
    following_count bigint not null default 0,
    is_top boolean not null default false,
    version bigint not null default 1
);

-- Global uniqueness lives in tables of its own. A username stays after its user is gone: it is never given twice.
create table usernames (
    username text primary key,
    user_id bigint not null
);

create table emails (
    email text primary key,
    user_id bigint not null
);

create table sessions (
    user_id bigint not null,
    id bigint not null,
    token_hash bytea not null,
    device text not null,
    last_used_ms bigint not null,
    primary key (user_id, id),
    constraint sessions_token unique (user_id, token_hash)
);

-- The two sides of a follow, always written together. "id" says when, and orders the lists.
create table following (
    user_id bigint not null,
    followed_id bigint not null,
    id bigint not null,
    primary key (user_id, followed_id)
);
create index following_newest on following (user_id, id desc) include (followed_id);

create table followers (
    user_id bigint not null,
    follower_id bigint not null,
    id bigint not null,
    primary key (user_id, follower_id)
);
create index followers_newest on followers (user_id, id desc) include (follower_id);

-- The last change of whom a user follows. Its row lock puts these changes in one order and its id numbers them, so that
-- of two changes the later one is known as such everywhere, whatever the clocks of two processes say.
create table follow_changes (
    user_id bigint primary key,
    id bigint not null
);

create table tweets (
    author_id bigint not null,
    id bigint not null,
    text text not null,
    reply_to_id bigint,
    reply_to_author_id bigint,
    retweet_of_id bigint,
    retweet_of_author_id bigint,
    entities json,
    replies_count bigint not null default 0,
    retweets_count bigint not null default 0,
    likes_count bigint not null default 0,
    pinned boolean not null default false,
    version bigint not null default 1,
    -- All that a timeline entry holds is in the index, so that reading a home timeline never touches the heap.
    primary key (author_id, id) include (reply_to_author_id, retweet_of_author_id, retweet_of_id)
);
create index tweets_newest on tweets (id desc);
create unique index tweets_one_retweet on tweets (author_id, retweet_of_id) where retweet_of_id is not null;

-- What others did with a tweet, owned by the tweet's author and written by the event worker.
create table replies (
    author_id bigint not null,
    tweet_id bigint not null,
    reply_id bigint not null,
    reply_author_id bigint not null,
    primary key (author_id, tweet_id, reply_id)
);

create table retweets (
    author_id bigint not null,
    tweet_id bigint not null,
    user_id bigint not null,
    retweet_id bigint not null,
    primary key (author_id, tweet_id, user_id)
);
create index retweets_newest on retweets (author_id, tweet_id, retweet_id desc) include (user_id);

create table outbox (
    actor_id bigint not null,
    id bigint not null,
    lane smallint not null,
    kind text not null,
    payload jsonb not null,
    appended_at timestamptz not null default now(),
    attempts smallint not null default 0,
    retry_at timestamptz,
    primary key (actor_id, id)
);
create index outbox_lane on outbox (lane, id);
create index outbox_retries on outbox (retry_at) where retry_at is not null;

create table parked_events (
    actor_id bigint not null,
    id bigint not null,
    lane smallint not null,
    kind text not null,
    payload jsonb not null,
    appended_at timestamptz not null,
    attempts smallint not null,
    reason text not null,
    parked_at timestamptz not null default now(),
    primary key (actor_id, id)
);

-- Whose tweets are pulled. since_id null: readers pull already, and pushing goes on; until_id set: on the way out.
create table top_users (
    user_id bigint primary key,
    since_id bigint,
    until_id bigint
);

create table idempotency_keys (
    user_id bigint not null,
    key text not null,
    request_hash bytea not null,
    tweet_id bigint not null,
    created_at timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_keys_oldest on idempotency_keys (created_at);

-- Worker numbers for ids. The holder mints for milliseconds from from_ms up to, not including, until_ms; whoever takes
-- the number over begins where until_ms stood.
create table worker_leases (
    worker smallint primary key,
    holder bytea not null,
    from_ms bigint not null,
    until_ms bigint not null,
    expires_at timestamptz not null
);

-- Facts about the installation that outlive processes.
create table installation (
    key text primary key,
    value text not null
);

alter table outbox set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
