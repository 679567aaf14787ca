-- :name lock (user_id) -> none
-- One row; none for somebody who is leaving. Others who would change what this user shows wait. Served by users_pkey.
select 1 from users where id = %(user_id)s and deleted_ms is null for no key update;

-- :name insert (user_id, tag, display, featured_id) -> none
-- One row when it is new, none when it was there. Served by featured_tags_pkey.
insert into featured_tags (user_id, tag, display, id)
values (%(user_id)s, %(tag)s, %(display)s, %(featured_id)s)
on conflict do nothing;

-- :name delete (user_id, featured_id) -> none
-- One row when it was there. Served by featured_tags_pkey.
delete from featured_tags where user_id = %(user_id)s and id = %(featured_id)s;

-- :name fetch (user_id, page_size) -> many
-- What somebody shows, in the order in which it was chosen, each with how many of their tweets carry it, and the newest of
-- these. Served by featured_tags_pkey and tweet_tags_of_author.
select f.id, f.tag, f.display, count(t.tweet_id), max(t.tweet_id)
from featured_tags f
left join tweet_tags t on t.author_id = f.user_id and t.tag = f.tag
where f.user_id = %(user_id)s
group by f.id, f.tag, f.display
order by f.id
limit %(page_size)s;

-- :name fetch_used (user_id, looked_at, page_size) -> many
-- Which tags somebody's newest uses are of, the most used first. Served by tweet_tags_pkey.
select u.tag
from (
    select tag, tweet_id from tweet_tags where author_id = %(user_id)s order by tweet_id desc, tag limit %(looked_at)s
) u
group by u.tag
order by count(*) desc, max(u.tweet_id) desc, u.tag
limit %(page_size)s;
