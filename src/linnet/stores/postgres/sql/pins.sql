-- :name lock_pins (author_id, tweet_id) -> many
-- One's own tweet, and the one that is pinned now; locks both, in the order in which event workers do. Served by
-- tweets_pkey while there are few tweets. Among many each side of the "or" has its index, tweets_newest and
-- tweets_one_pin.
select id, pinned from tweets
where author_id = %(author_id)s and (id = %(tweet_id)s or pinned)
order by id
for no key update;

-- :name update_pin (author_id, tweet_id, pinned) -> value
-- Pins a tweet or takes its pin back; its new version, nothing when it is gone. Served by tweets_pkey.
update tweets set pinned = %(pinned)s, version = version + 1
where author_id = %(author_id)s and id = %(tweet_id)s
returning version;

-- :name find_pinned (author_id) -> one
-- The entry of somebody's pinned tweet. Served by tweets_one_pin.
select id, author_id, coalesce(reply_to_author_id, 0), 0 from tweets where author_id = %(author_id)s and pinned;
