"""People whose events travel in lanes that the test chooses."""

from collections.abc import Container

from linnet.domain.event import LANES, lane_of
from linnet.ids import UserId
from linnet.stores.postgres import users
from tests.support.world import World


async def sign_up_in_lanes(world: World, name: str, lanes: Container[int]) -> UserId:
    """Signs somebody up under an id whose lane is one of these."""
    while True:
        user_id = UserId(world.write.ids.mint())
        if lane_of(user_id) in lanes:
            break
    await users.insert(
        world.db,
        user_id=user_id,
        username=name,
        name=name.title(),
        email=f"{name}@example.org",
        password_hash="-",
    )
    world.ids[name] = user_id
    return user_id


async def sign_up_in_lanes_of_their_own(world: World, *names: str) -> None:
    """Signs people up who share a lane with nobody in the world."""
    for name in names:
        taken = {lane_of(user_id) for user_id in world.ids.values()}
        await sign_up_in_lanes(world, name, set(range(LANES)) - taken)
