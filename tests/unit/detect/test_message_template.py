"""Message templates: what is taken out of a message and of a path, and what stays."""

import pytest

from pipeline.detect.message_template import message_template, path_template


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("no stock for order 4711", "no stock for order *"),
        ("payment ord-8f3a2c1d of 12.50 EUR failed after 312ms", "payment * of * EUR failed after *"),
        ("request 8476a536-e9f4-11e8-9739-2dfe598c3fcd failed", "request * failed"),
        ("object at 0x7f3a11 of node17", "object at * of node*"),
        ("token deadbeefdeadbeefdeadbeef expired", "token * expired"),
        ("customer 'alice' has no “address”", "customer * has no *"),
        ("can't open the customer's file", "can't open the customer's file"),
        ("no such file: /tmp/a/b.json", "no such file: *"),
        (r"no such file: C:\data\b.json", "no such file: *"),
        ("GET https://api.example.com/v1/x?y=1 failed", "GET * failed"),
        ("connect ECONNREFUSED 10.0.0.1:443", "connect ECONNREFUSED *"),
        ("mail to ann.b@example.com bounced", "mail to * bounced"),
        ("expired on Tue, 24 Nov 2026 10:00:00 GMT", "expired on *"),
        ("items 1, 2, 3 failed", "items * failed"),
        ("items [17] failed", "items * failed"),
        ('result: {"a": [1, 2], "b": "c"}', "result: *"),
        ('cut: {"a": "b', "cut: *"),
        ("two\n  lines", "two lines"),
        ("orderId:17 not found", "orderId:* not found"),
        ("code:E1,msg:bad at 10:00:00", "code:E*,msg:bad at *"),
        ("due on 24 Nov", "due on *"),
        ("due on November 24th, 2026", "due on *"),
        ("Decode 17 failed, 2 Markers left", "Decode * failed, * Markers left"),
        ("connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED *"),
        ("connect ETIMEDOUT 2a05:d018:abcd::beef:443", "connect ETIMEDOUT *"),
        ("connect to [fe80::dead:beef%eth0]:80 failed", "connect to * failed"),
        ("unknown device aa:bb:cc:dd:ee:ff", "unknown device *"),
        ("std::vector of Foo::Bar", "std::vector of Foo::Bar"),
        ("注文123が見つかりません", "注文*が見つかりません"),
        ("订单１２３不存在", "订单*不存在"),
        ("주문123을 찾을 수 없습니다", "주문*을 찾을 수 없습니다"),
        ("ไม่พบคำสั่งซื้อ๑๒๓", "ไม่พบคำสั่งซื้อ*"),
        ("كود ١٢٣ غير موجود", "كود * غير موجود"),
        ("ファイル/tmp/a.txtが見つかりません", "ファイル*が見つかりません"),
        ("https://a.example/x?y=zに接続できません", "*に接続できません"),
        ("顧客「山田」が存在しません", "顧客*が存在しません"),
        ("客户《订单》不存在", "客户*不存在"),
        ("Kunde „Müller“ ist gesperrt", "Kunde * ist gesperrt"),
        ("Kunde ‚Müller‘ ist gesperrt", "Kunde * ist gesperrt"),
        ("kunden ”Åsa” saknas", "kunden * saknas"),
        ("kunden »Åse« mangler", "kunden * mangler"),
        ("le client ‹Dupont› est inconnu", "le client * est inconnu"),
        ("", ""),
    ],
)
def test_variables_are_taken_out(message, template):
    """Numbers, ids, hexadecimal digits, quotations, paths, addresses, dates and series; words stay."""
    assert message_template(message) == template


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no stock for order 1", "no price for order 1"),
        ("could not reach S3", "could not reach EC2"),
        ("'sku'", "'price'"),
        ("orderId:17 not found", "userId:17 not found"),
        ("Decode 17 failed", "Marshal 17 failed"),
        ("Monitor 17 failed", "Thumbnail 17 failed"),
        ("注文123が見つかりません", "顧客123が存在しません"),
        ("Kunde „Müller“ ist gesperrt", "Kunde „Müller“ ist gelöscht"),
        ("Expecting value: line 1", "Expecting ',' delimiter: line 1"),
        ("not authorized to perform: dynamodb:PutItem on resource: *", "not authorized to perform: dynamodb:GetItem on resource: *"),
    ],
)
def test_look_alikes_stay_apart(one, other):
    """What differs in a word is another message; a KeyError's quotation is all that it says."""
    assert message_template(one) != message_template(other)


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("https://a.execute-api.eu-west-1.amazonaws.com/prod/orders/17?x=1", "/prod/orders/*"),
        ("/v1/users/8476a536-e9f4-11e8-9739-2dfe598c3fcd/cart", "/v1/users/*/cart"),
        ("/orders/ord-8f3a2c1d;v=1#top", "/orders/*"),
        ("/mail/ann%40example.com", "/mail/*"),
        ("/", "/"),
        ("https://a.example", ""),
        ("", ""),
    ],
)
def test_routes(path, template):
    """A path's variable parts are taken out, and its query; the version of an API stays."""
    assert path_template(path) == template
