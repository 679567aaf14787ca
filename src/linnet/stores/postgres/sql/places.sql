-- :name lock_imports (lock_key) -> none
-- Lets one load or import run at a time, until its connection ends.
select pg_advisory_lock(%(lock_key)s);

-- :name find_row () -> value
-- Whether there is anybody, or anything that outlived somebody: small tables, or else the answer is at hand.
select exists (select from usernames) or exists (select from emails) or exists (select from users)
    or exists (select from tweets) or exists (select from outbox);

-- :name fetch_constraints () -> many
-- Primary keys of the tables that are filled, and how to make them again.
select c.conrelid::regclass::text, c.conname::text,
    'alter table ' || c.conrelid::regclass || ' add constraint ' || quote_ident(c.conname) || ' '
        || pg_get_constraintdef(c.oid)
from pg_constraint c
where c.contype = 'p' and c.conrelid in (
    'users'::regclass, 'usernames'::regclass, 'emails'::regclass, 'following'::regclass, 'followers'::regclass,
    'tweets'::regclass, 'tweet_documents'::regclass
)
order by c.conrelid::regclass::text, c.conname;

-- :name fetch_indexes () -> many
-- Their other indexes, and how to make them again.
select i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
from pg_index i
where not i.indisprimary and i.indrelid in (
    'users'::regclass, 'usernames'::regclass, 'emails'::regclass, 'following'::regclass, 'followers'::regclass,
    'tweets'::regclass, 'tweet_documents'::regclass
)
order by 1, 2;

-- :name truncate () -> none
-- They are empty. But tables that are made anew in a transaction vanish at once when it is given up, whatever was put in.
truncate users, usernames, emails, following, followers, follow_changes, tweets, tweet_documents, top_users;

-- :name create_place (start_ms, middle_ms, half_ms, people, rank_shift, rank_inverse, skew, follows, follow_factor, tweets, tweet_factor, texts, seed) -> none
-- What the whole place has in common: one row.
create temporary table staged_place as
select %(start_ms)s::bigint as start_ms, %(middle_ms)s::bigint as middle_ms, %(half_ms)s::bigint as half_ms,
    %(people)s::bigint as people, %(rank_shift)s::bigint as rank_shift, %(rank_inverse)s::bigint as rank_inverse,
    %(skew)s::float8 as skew, %(follows)s::bigint as follows, %(follow_factor)s::bigint as follow_factor,
    %(tweets)s::bigint as tweets, %(tweet_factor)s::bigint as tweet_factor, %(texts)s::bigint as texts,
    %(seed)s::bigint as seed;

-- :name create_people () -> none
-- Everybody, by number.
create temporary table staged_people (
    number bigint not null, id bigint not null, rank bigint not null, follows bigint not null,
    first_follow bigint not null, tweets bigint not null, first_tweet bigint not null, username text not null,
    name text not null, mark text not null
);

-- :name index_people () -> none
-- Served by nothing: makes what the queries below are served by.
alter table staged_people add primary key (number);

-- :name create_texts () -> none
-- What people write, and what of a document follows from the text alone.
create temporary table staged_texts (at bigint primary key, text text not null, document tsvector not null);

-- :name create_slices () -> none
-- What of a document follows from the time alone.
create temporary table staged_slices (slice bigint primary key, marks text[] not null);

-- :name insert_texts (first, texts, lexemes, others, words, languages, dictionaries) -> none
-- Texts with the words of their documents, which are made as search.insert_documents makes them, without the marks of
-- one author and one moment.
insert into staged_texts (at, text, document)
select %(first)s::bigint + n.at - 1, n.text,
    ts_delete(n.lexemes::tsvector, %(others)s::text[]) || coalesce((
        select array_to_tsvector(array_agg(distinct n.language || '/' || s.stem))
        from unnest(string_to_array(n.words, ' ')) w (word), unnest(ts_lexize(n.dictionary::regdictionary, w.word)) s (stem)
    ), ''::tsvector)
from unnest(%(texts)s::text[], %(lexemes)s::text[], %(words)s::text[], %(languages)s::text[], %(dictionaries)s::text[])
    with ordinality n (text, lexemes, words, language, dictionary, at);

-- :name insert_slices (slices, lexemes, others) -> none
-- Marks of moments, without the mark of an author.
insert into staged_slices (slice, marks)
select n.slice, tsvector_to_array(ts_delete(n.lexemes::tsvector, %(others)s::text[]))
from unnest(%(slices)s::bigint[], %(lexemes)s::text[]) n (slice, lexemes);

-- :name analyze () -> none
-- Tells the planner how many there are: nobody else looks after temporary tables.
analyze staged_place, staged_people, staged_texts, staged_slices;

-- :name insert_following (first_number, end_number) -> none
-- Whom some people follow, in the order of the key. Each draws as many places in the order of fame as they follow
-- people, one from each of as many equal parts of the chance: so places rise, and one that was drawn before, which only
-- happens among the most famous, becomes the next one. Served by staged_people_pkey.
insert into following (user_id, followed_id, id)
select f.user_id, ((g.start_ms + f.number * g.half_ms / g.people) << 16) | ((f.number & 1023) << 6),
    ((g.middle_ms + f.slot * g.half_ms / g.follows) << 16) | ((f.slot & 1023) << 6)
from staged_place g, lateral (
    select s.id as user_id,
        (s.place + (s.place >= s.rank)::integer + g.people - g.rank_shift) * g.rank_inverse %% g.people as number,
        (s.ordinal * g.follow_factor) %% g.follows as slot
    from (
        select d.id, d.rank, d.ordinal,
            least(max(d.place - d.k) over (partition by d.number order by d.k), d.others - d.follows) + d.k as place
        from (
            select p.number, p.id, p.rank, p.follows, h.people - 1 as others, k, p.first_follow + k as ordinal,
                floor((h.people - 1) * power((k + (
                    (hashint8extended(p.first_follow + k, h.seed) >> 11) & 9007199254740991
                )::float8 / 9007199254740992) / p.follows, h.skew))::bigint as place
            from staged_place h, staged_people p, generate_series(0, p.follows - 1) k
            where p.number >= %(first_number)s and p.number < %(end_number)s
        ) d
    ) s
) f
order by 1, 2;

-- :name insert_followers (first_id, end_id) -> none
-- The other side of follows of some people, in the order of the key: a scan.
insert into followers (user_id, follower_id, id)
select followed_id, user_id, id
from following
where followed_id >= %(first_id)s and followed_id < %(end_id)s
order by 1, 2;

-- :name create_counts () -> none
-- How many follow each: a scan.
create temporary table staged_counts as
select user_id, count(*) as followers from followers group by user_id;

-- :name insert_users (email_domain, password_hash, top_user_followers) -> none
-- Everybody, with their counters: a scan.
insert into users (
    id, username, name, email, password_hash, tweets_count, followers_count, following_count, is_top
)
select p.id, p.username, p.name, p.username || '@' || %(email_domain)s::text, %(password_hash)s::text, p.tweets,
    coalesce(c.followers, 0), p.follows, coalesce(c.followers, 0) > %(top_user_followers)s::bigint
from staged_people p
left join staged_counts c on c.user_id = p.id
order by p.id;

-- :name insert_usernames () -> none
-- The names they have taken: a scan, in the order of the key.
insert into usernames (username, user_id) select username, id from users order by username;

-- :name insert_emails () -> none
-- And the addresses: a scan, in the order of the key.
insert into emails (email, user_id) select email, id from users order by email;

-- :name insert_follow_changes () -> none
-- Whoever follows has changed whom they follow: a scan.
insert into follow_changes (user_id, id) select id, 0 from users where following_count > 0 order by id;

-- :name insert_top_users (since_id) -> none
-- Whose tweets are pulled, and from which on: a scan.
insert into top_users (user_id, since_id) select id, %(since_id)s from users where is_top order by id;

-- :name insert_tweets (first_number, end_number) -> none
-- What some people wrote, and what it is found by, in the order of the keys. Served by staged_people_pkey,
-- staged_texts_pkey and staged_slices_pkey.
with chunk as materialized (
    select p.id as author_id, p.mark, ((g.middle_ms + t.slot * g.half_ms / g.tweets) << 16) | ((t.slot & 1023) << 6) as id,
        (hashint8extended(t.slot, g.seed + 1) & 4503599627370495) %% g.texts as at
    from staged_place g, staged_people p, generate_series(0, p.tweets - 1) k,
        lateral (select (p.first_tweet + k) * g.tweet_factor %% g.tweets as slot) t
    where p.number >= %(first_number)s and p.number < %(end_number)s
), posted as (
    insert into tweets (author_id, id, text)
    select c.author_id, c.id, x.text
    from chunk c
    join staged_texts x on x.at = c.at
    order by 1, 2
)
insert into tweet_documents (author_id, tweet_id, document)
select c.author_id, c.id, x.document || array_to_tsvector(array[c.mark] || s.marks)
from chunk c
join staged_texts x on x.at = c.at
join staged_slices s on s.slice = c.id >> 40
order by 1, 2;

-- :name count_top_users () -> value
-- How many are pulled: a small table.
select count(*) from top_users;

-- :name digest () -> many
-- Each table's rows, whatever their order, as two numbers; equal ones have equal rows. Scans of all of them.
select 'users', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from users t
union all
select 'usernames', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from usernames t
union all
select 'emails', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from emails t
union all
select 'following', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from following t
union all
select 'followers', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from followers t
union all
select 'tweets', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from tweets t
union all
select 'tweet_documents', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from tweet_documents t
union all
select 'top_users', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text from top_users t
order by 1;
