-- :name lock_imports (lock_key) -> none
-- Lets one import run at a time, until its connection ends.
select pg_advisory_lock(%(lock_key)s);

-- :name create_edges () -> none
-- What the file says, line by line, for this connection only.
create temporary table staged_edges (line bigint not null, follower bigint not null, followed bigint not null);

-- :name create_pairs () -> none
-- The different follows among them, each with its first line.
create temporary table staged_pairs as
select follower, followed, min(line) as line from staged_edges group by follower, followed;

-- :name analyze_pairs () -> none
-- Tells the planner how many there are: nobody else looks after a temporary table.
analyze staged_pairs;

-- :name create_people (domain) -> none
-- Everybody in the file, once, and who of them is a user already.
create temporary table staged_people as
select p.number, 'u' || p.number as username, 'u' || p.number || '@' || %(domain)s::text as email,
    n.user_id, n.user_id is not null as known
from (select follower as number from staged_pairs union select followed from staged_pairs) p
left join usernames n on n.username = 'u' || p.number;

-- :name index_people () -> none
-- Served by nothing: makes what the queries below are served by.
alter table staged_people add primary key (number);

-- :name analyze_people () -> none
-- Tells the planner how many there are: nobody else looks after a temporary table.
analyze staged_people;

-- :name fetch_strangers (page_size) -> many
-- Usernames the import needs that belong, or whose address belongs, to somebody who was not imported or is gone.
select p.username
from staged_people p
left join users u on u.id = p.user_id
left join emails e on e.email = p.email
where (p.known and u.email is distinct from p.email) or (e.email is not null and e.user_id is distinct from p.user_id)
order by p.number
limit %(page_size)s;

-- :name count_people () -> one
-- How many people the file names, and how many of them were there before.
select count(*), count(*) filter (where known) from staged_people;

-- :name fetch_new_numbers (after_number, page_size) -> many
-- People to be made users. Served by staged_people_pkey.
select number from staged_people
where number > %(after_number)s and not known
order by number
limit %(page_size)s;

-- :name match_added () -> none
-- Notes the ids of the users that were added. Served by usernames_pkey.
update staged_people p set user_id = n.user_id
from usernames n
where n.username = p.username and p.user_id is null;

-- :name insert_usernames (numbers, user_ids) -> none
-- A username that was taken meanwhile breaks usernames_pkey.
insert into usernames (username, user_id)
select 'u' || n.number, n.user_id
from (select unnest(%(numbers)s::bigint[]) as number, unnest(%(user_ids)s::bigint[]) as user_id) n;

-- :name insert_emails (numbers, user_ids, domain) -> none
-- An address that was taken meanwhile breaks emails_pkey.
insert into emails (email, user_id)
select 'u' || n.number || '@' || %(domain)s::text, n.user_id
from (select unnest(%(numbers)s::bigint[]) as number, unnest(%(user_ids)s::bigint[]) as user_id) n;

-- :name insert_users (numbers, user_ids, domain, password_hash) -> none
-- The users themselves.
insert into users (id, username, name, email, password_hash)
select n.user_id, 'u' || n.number, 'Person ' || n.number, 'u' || n.number || '@' || %(domain)s::text,
    %(password_hash)s::text
from (select unnest(%(numbers)s::bigint[]) as number, unnest(%(user_ids)s::bigint[]) as user_id) n;

-- :name create_follows (locked_hash) -> none
-- The follows that are not there yet, each once, numbered by follower, without those across a block. Those of people who
-- can log in are apart, with those of whoever wants to be asked.
create temporary table staged_follows as
select row_number() over (partition by e.awake order by e.follower, e.line) as ordinal,
    e.follower_id, e.followed_id, e.awake
from (
    select e.follower, e.line, a.user_id as follower_id, b.user_id as followed_id,
        u.password_hash <> %(locked_hash)s::text or v.locked as awake
    from staged_pairs e
    join staged_people a on a.number = e.follower
    join staged_people b on b.number = e.followed
    join users u on u.id = a.user_id
    join users v on v.id = b.user_id
    left join following f on f.user_id = a.user_id and f.followed_id = b.user_id
    where f.user_id is null
        and not exists (select from blocks k where k.user_id = a.user_id and k.blocked_id = b.user_id)
        and not exists (select from blocks k where k.user_id = b.user_id and k.blocked_id = a.user_id)
) e;

-- :name index_follows () -> none
-- Served by nothing: makes what the queries below are served by.
create unique index staged_follows_ordinal on staged_follows (awake, ordinal);

-- :name analyze_follows () -> none
-- Tells the planner how many there are: nobody else looks after a temporary table.
analyze staged_follows;

-- :name count_edges () -> one
-- Lines of the file that say a follow, and how many different follows these are.
select (select count(*) from staged_edges), (select count(*) from staged_pairs);

-- :name count_follows () -> one
-- Follows to be made of people who cannot log in, and of people who can.
select count(*) filter (where not awake), count(*) filter (where awake) from staged_follows;

-- :name lock_changes (first_ordinal, last_ordinal) -> none
-- Takes the locks of those who follow, in one order, as a follow and a block do: a block that is under way commits first
-- or waits. Served by staged_follows_ordinal and follow_changes_pkey.
insert into follow_changes as c (user_id, id)
select distinct follower_id, 0
from staged_follows
where not awake and ordinal between %(first_ordinal)s and %(last_ordinal)s
order by follower_id
on conflict (user_id) do update set id = c.id;

-- :name lock_users (first_ordinal, last_ordinal) -> value
-- Takes the rows' locks in one order, as the event workers do. Served by staged_follows_ordinal and users_pkey.
select count(*) from (
    select u.id from users u
    where u.id in (
        select follower_id from staged_follows
        where not awake and ordinal between %(first_ordinal)s and %(last_ordinal)s
        union
        select followed_id from staged_follows
        where not awake and ordinal between %(first_ordinal)s and %(last_ordinal)s
    )
    order by u.id
    for no key update
) locked;

-- :name insert_follows (first_ordinal, last_ordinal, follow_ids) -> value
-- Both sides of follows of people who cannot log in (nor block anybody), and the counters of both, which must be locked;
-- returns how many are new. Served by staged_follows_ordinal, following_pkey, users_pkey and blocks_pkey.
with chunk as materialized (
    select s.follower_id, s.followed_id,
        (%(follow_ids)s::bigint[])[s.ordinal - %(first_ordinal)s::bigint + 1] as id
    from staged_follows s
    where not s.awake and s.ordinal between %(first_ordinal)s and %(last_ordinal)s
        and not exists (select from blocks b where b.user_id = s.followed_id and b.blocked_id = s.follower_id)
), new_side as (
    insert into following (user_id, followed_id, id)
    select follower_id, followed_id, id from chunk
    on conflict do nothing
    returning user_id, followed_id, id
), other_side as (
    insert into followers (user_id, follower_id, id)
    select followed_id, user_id, id from new_side
), counted as (
    update users u
    set following_count = u.following_count + d.following, followers_count = u.followers_count + d.followers,
        version = u.version + 1
    from (
        select id, sum(following) as following, sum(followers) as followers
        from (
            select user_id as id, 1 as following, 0 as followers from new_side
            union all
            select followed_id, 0, 1 from new_side
        ) sides
        group by id
    ) d
    where u.id = d.id
)
select count(*) from new_side;

-- :name fetch_awake_follows (after_ordinal, page_size) -> many
-- Follows to be made of people who can log in. Served by staged_follows_ordinal.
select ordinal, follower_id, followed_id
from staged_follows
where awake and ordinal > %(after_ordinal)s
order by ordinal
limit %(page_size)s;

-- :name fetch_user_ids (after_user_id, page_size) -> many
-- All of the file's people who were users before, by id.
select user_id from staged_people
where known and user_id > %(after_user_id)s
order by user_id
limit %(page_size)s;

-- :name index_user_ids () -> none
-- Served by nothing: makes what fetch_user_ids and update_passwords are served by.
create index staged_people_user_id on staged_people (user_id);

-- :name update_passwords (after_user_id, upto_user_id, locked_hash, password_hash) -> none
-- Gives people of the file who cannot log in a password. Served by staged_people_user_id and users_pkey.
update users u set password_hash = %(password_hash)s::text
where u.id in (
        select user_id from staged_people where user_id > %(after_user_id)s and user_id <= %(upto_user_id)s
    )
    and u.password_hash = %(locked_hash)s::text;

-- :name find_page_end (after_user_id, page_size) -> value
-- Where a page of the file's people ends, by id. Served by staged_people_user_id.
select max(user_id) from (
    select user_id from staged_people where user_id > %(after_user_id)s order by user_id limit %(page_size)s
) page;
