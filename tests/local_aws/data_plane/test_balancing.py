"""Weights, health, zones: what the load balancer makes of a request."""

from __future__ import annotations

from collections import Counter

from tests.local_aws.data_plane.shop import DOMAIN, ORIGIN, Shop, eventually


def _answers(shop: Shop, what: str, number: int = 40) -> Counter[str]:
    """Return how often each value of a member of `/api/version` answers, or each status that is not 200."""
    with shop.door.client(DOMAIN) as client:
        found = [client.get("/api/version") for _ in range(number)]
    return Counter(each.json()[what] if each.status_code == 200 else str(each.status_code) for each in found)


def _green(shop: Shop) -> None:
    """Run the next revision behind the green target group."""
    shop.clients("ecs").create_service(
        cluster="shop",
        serviceName="green",
        taskDefinition=shop.task_definition(),
        launchType="FARGATE",
        desiredCount=1,
        networkConfiguration=shop.vpc_configuration,
        loadBalancers=[{"targetGroupArn": shop.groups["green"], "containerName": "app", "containerPort": 8080}],
    )
    eventually(lambda: shop.targets("green") == ["healthy"])
    eventually(lambda: shop.get("/api/version", ORIGIN, test=True).status_code == 200)


def test_requests_are_spread_over_zones_and_tasks(shop: Shop) -> None:
    """Two healthy tasks in two zones share the work."""
    assert set(_answers(shop, "az")) == {"eu-central-1a", "eu-central-1b"}
    assert len(_answers(shop, "task")) == 2


def test_the_test_listener_shows_the_next_version(shop: Shop) -> None:
    """At its own port, without the origin header; an empty target group there is 503."""
    assert shop.get("/api/version", ORIGIN, test=True).status_code == 503
    _green(shop)
    assert shop.get("/api/version", ORIGIN, test=True).json()["revision"] == "shop:2"
    assert set(_answers(shop, "revision")) == {"shop:1"}


def test_traffic_follows_the_live_weights(shop: Shop) -> None:
    """Revisions mix only while both weigh something."""
    _green(shop)
    shop.forward(blue=50, green=50)
    eventually(lambda: set(_answers(shop, "revision")) == {"shop:1", "shop:2"})
    shop.forward(blue=0, green=100)
    eventually(lambda: set(_answers(shop, "revision")) == {"shop:2"})
    shop.forward(blue=100, green=0)
    eventually(lambda: set(_answers(shop, "revision")) == {"shop:1"})


def test_a_zonal_shift_leads_away_from_a_zone(shop: Shop) -> None:
    """While it lasts, no task in that zone is asked, and no request fails."""
    arc = shop.clients("arc-zonal-shift")
    zones = shop.clients("ec2").describe_availability_zones()["AvailabilityZones"]
    [away] = [zone["ZoneId"] for zone in zones if zone["ZoneName"] == "eu-central-1a"]
    shift = arc.start_zonal_shift(resourceIdentifier=shop.balancer, awayFrom=away, expiresIn="1h", comment="drill")[
        "zonalShiftId"
    ]
    eventually(lambda: set(_answers(shop, "az")) == {"eu-central-1b"})
    arc.cancel_zonal_shift(zonalShiftId=shift)
    eventually(lambda: set(_answers(shop, "az")) == {"eu-central-1a", "eu-central-1b"})


def test_a_lost_zone_times_out_until_its_targets_are_unhealthy(shop: Shop) -> None:
    """Requests that reach a lost task end in 504; health checks then take it out, and ECS replaces it elsewhere."""
    with shop.local_aws.fault("lost-az", zone="eu-central-1b"):
        eventually(lambda: _answers(shop, "az", 4)["504"])
        eventually(lambda: set(_answers(shop, "az", 10)) == {"eu-central-1a"})
        eventually(lambda: len(_answers(shop, "task", 10)) == 2)


def test_tasks_that_fail_answer_500(shop: Shop) -> None:
    """The load balancer fails open: with unhealthy targets alone it asks them all the same."""
    with shop.local_aws.fault("tasks-fail", task_definition="shop:1"):
        eventually(lambda: set(_answers(shop, "az", 4)) == {"500"})
        # ECS replaces them as they fail, so there are always new ones among them.
        eventually(lambda: "unhealthy" in shop.targets("blue"))
        eventually(lambda: set(_answers(shop, "az", 4)) == {"500"})
    eventually(lambda: set(_answers(shop, "revision", 4)) == {"shop:1"})


def test_without_targets_it_is_503(shop: Shop) -> None:
    """A service scaled to nothing leaves the target group empty."""
    shop.clients("ecs").update_service(cluster="shop", service="shop", desiredCount=0)
    eventually(lambda: set(_answers(shop, "az", 2)) == {"503"})


def test_replacing_all_tasks_loses_no_request(shop: Shop) -> None:
    """Draining tasks get no new requests, and new ones none before they are healthy."""
    before = set(_answers(shop, "task"))
    shop.clients("ecs").update_service(cluster="shop", service="shop", forceNewDeployment=True)
    seen: Counter[str] = Counter()

    def all_replaced() -> bool:
        found = _answers(shop, "task")
        seen.update(found)
        return len(found) == 2 and not before & found.keys()

    eventually(all_replaced)
    assert all(len(task) > 3 for task in seen), seen
