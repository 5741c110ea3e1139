"""Names, certificates, behaviours, buckets: what a viewer meets before any task."""

from __future__ import annotations

import json
import socket
from importlib.resources import files

import httpx
import pytest

from prod_infra.errors import TargetError
from prod_infra.local_aws.data_plane.handle import DataPlane
from prod_infra.local_aws.server import LocalAws
from tests.local_aws.data_plane.shop import DOMAIN, ORIGIN, Shop, eventually


def test_the_api_is_reached_through_cloudfront_alone(shop: Shop) -> None:
    """CloudFront adds the secret header; who goes around it gets the listener's 403."""
    found = shop.get("/api/version")
    assert found.status_code == 200
    assert found.json()["revision"] == "shop:1"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert shop.get("/api/version", ORIGIN).status_code == 403
    assert shop.get("/api/version", ORIGIN, headers={"X-Origin-Verify": "open sesame"}).status_code == 200


@pytest.mark.parametrize("host", ["other.test", "sub.origin-alb.example.com"])
def test_a_name_that_nobody_has_gets_no_handshake(shop: Shop, host: str) -> None:
    """As at CloudFront, TLS ends before a request is sent."""
    with pytest.raises(httpx.ConnectError, match="SSL"):
        shop.get("/", host)


def test_the_load_balancers_own_name_is_covered_by_no_certificate(shop: Shop) -> None:
    """The listener shows its certificate, and the client refuses it for the name."""
    with pytest.raises(httpx.ConnectError, match="mismatch"):
        shop.get("/", shop.balancer_name.lower())


def test_an_authority_that_is_not_trusted_is_refused(shop: Shop) -> None:
    """The certificates are worth nothing outside of the rehearsal."""
    with (
        httpx.Client(trust_env=False) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get(shop.door.url, extensions={"sni_hostname": DOMAIN})


def test_plain_http_is_redirected(shop: Shop) -> None:
    """The viewer protocol policy sends viewers to HTTPS, with path and query."""
    found = httpx.get(f"{shop.door.http_url}/a/b?c=d", headers={"Host": DOMAIN}, trust_env=False)
    assert (found.status_code, found.headers["location"]) == (301, "https://example.com/a/b?c=d")


def test_site_and_images_come_from_their_buckets(shop: Shop) -> None:
    """Each behaviour has its bucket; an upload shows soon, and so does the next."""
    s3 = shop.clients("s3")
    s3.put_object(Bucket="shop-site", Key="index.html", Body=b"<h1>one</h1>", ContentType="text/html")
    s3.put_object(Bucket="shop-images", Key="images/a b.png", Body=b"png", ContentType="image/png")
    found = shop.get("/")
    assert (found.text, found.headers["content-type"]) == ("<h1>one</h1>", "text/html")
    assert shop.get("/", headers={"If-None-Match": found.headers["etag"]}).status_code == 304
    assert shop.get("/images/a%20b.png").content == b"png"
    s3.put_object(Bucket="shop-site", Key="index.html", Body=b"<h1>two</h1>", ContentType="text/html")
    eventually(lambda: shop.get("/").text == "<h1>two</h1>")


def test_s3_says_403_for_what_is_not_there(shop: Shop) -> None:
    """Without the right to list, S3 does not tell whether an object exists."""
    found = shop.get("/missing.js")
    assert found.status_code == 403
    assert "AccessDenied" in found.text


def test_a_bucket_that_admits_another_distribution_is_closed(shop: Shop) -> None:
    """The bucket's policy decides, by the distribution's ARN."""
    shop.clients("s3").put_object(Bucket="shop-site", Key="index.html", Body=b"one")
    assert shop.get("/").status_code == 200
    shop.policy("shop-site", shop.distribution.replace(shop.distribution[-5:], "OTHER"))
    eventually(lambda: shop.get("/").status_code == 403)


def test_methods_that_a_behaviour_does_not_allow_are_refused(shop: Shop) -> None:
    """The site is read-only; the API takes every method."""
    with shop.door.client(DOMAIN) as client:
        assert client.post("/", content=b"x").status_code == 403
        assert client.delete("/api/version").status_code == 404


def test_the_deployed_function_rewrites_pages_of_the_application(shop: Shop) -> None:
    """A path without an extension is the single-page application; what the API answers stays."""
    shop.clients("s3").put_object(Bucket="shop-site", Key="index.html", Body=b"the app")
    shop.add_function(files("prod_infra.edge").joinpath("spa_fallback.js").read_bytes())
    eventually(lambda: shop.get("/account/orders").text == "the app")
    assert shop.get("/app.js").status_code == 403
    assert shop.get("/api/nothing").status_code == 404


def test_a_function_with_other_code_is_not_guessed(shop: Shop) -> None:
    """There is no JavaScript here, so a function that is not known fails aloud, as a broken one does at CloudFront."""
    shop.add_function(b"function handler(event) { return event.request; }")
    eventually(lambda: shop.get("/").status_code == 503)
    assert shop.get("/api/version").status_code == 200


def test_an_origin_without_a_record_is_unreachable(shop: Shop) -> None:
    """CloudFront answers 502 when the origin's name leads nowhere."""
    zone = shop.clients("route53").list_hosted_zones_by_name(DNSName=DOMAIN)["HostedZones"][0]["Id"]
    records = shop.clients("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    [record] = [each for each in records if each["Name"] == f"{ORIGIN}."]
    shop.clients("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "DELETE", "ResourceRecordSet": record}]}
    )
    eventually(lambda: shop.get("/api/version").status_code == 502)


def test_everything_is_on_loopback(door: DataPlane) -> None:
    """No port is open to the network."""
    for url in (door.url, door.test_url, door.http_url):
        assert httpx.URL(url).host == "127.0.0.1"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", httpx.URL(url).port or 0), timeout=5)


def test_what_is_no_http_gets_400_and_the_others_go_on(shop: Shop) -> None:
    """A broken request ends its own connection alone."""
    with socket.create_connection(("127.0.0.1", httpx.URL(shop.door.http_url).port or 0), timeout=5) as raw:
        raw.sendall(b"no http at all\r\n\r\n")
        assert raw.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert shop.get("/api/version").status_code == 200


def test_a_body_that_is_too_large_is_refused(shop: Shop) -> None:
    """Nobody fills the memory of the rehearsal."""
    with shop.door.client(DOMAIN) as client:
        assert client.post("/api/probe", content=b"x" * (1 << 20 | 1)).status_code == 413
        assert client.get("/api/version").status_code == 200


def test_one_data_plane_a_server_found_again_and_gone_with_it() -> None:
    """It is started once, found by whoever attaches, and ends when the server is killed."""
    with LocalAws.start() as server:
        first = server.data_plane()
        assert LocalAws.attach(server.endpoint).data_plane() == first
        assert httpx.get(f"{first.http_url}/_data_plane/log", trust_env=False).json() == {"writes": []}
        assert server._process is not None
        server._process.kill()
        server._process.wait()

        def is_gone() -> bool:
            try:
                socket.create_connection(("127.0.0.1", httpx.URL(first.url).port or 0), timeout=5).close()
            except OSError:
                return not first.ca_file.exists()
            return False

        eventually(is_gone)
    with pytest.raises(TargetError):
        server.data_plane()


def test_unknown_admin_paths_say_what_there_is(door: DataPlane) -> None:
    """The log is the one path."""
    found = httpx.get(f"{door.http_url}/_data_plane/nothing", trust_env=False)
    assert found.status_code == 404
    assert "log" in json.dumps(found.json())
