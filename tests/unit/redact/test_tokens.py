"""Tokens that show what they are, whoever issued them; the samples are put together here, so that no scanner takes them for real ones."""

import json

import pytest

from pipeline.redact.mask import MASK
from pipeline.redact.redactor import DEFAULT
from tests.support.paths import DOCS


def some(length, characters="aB3dE5gH7jK9mN1pQ2"):
    """So many characters of a token."""
    return (characters * (length // len(characters) + 1))[:length]


HEX = "0a1b2c3d4e5f6789"
SAMPLES = {
    "GitHub": ["ghp_" + some(36), "ghs_" + some(36), "github_pat_" + some(82)],
    "GitLab": [f"{kind}-{some(20)}" for kind in ("glpat", "gldt", "glrt", "glcbt", "glptt", "glft", "glimt", "glagent", "glsoat", "gloas")] + ["GR1348941" + some(20)],
    "Slack": ["xoxb-1234567890-" + some(24), "xapp-1-A012-345-" + some(64, HEX), "xoxe.xoxp-1-" + some(60), "xoxe-1-" + some(60), "hooks.slack.com/services/T0/B0/" + some(24)],
    "OpenAI": [f"sk-{kind}-{some(40)}" for kind in ("proj", "svcacct", "admin", "None")] + ["sk-" + some(48)],
    "Anthropic": ["sk-ant-api03-" + some(93)],
    "Vault": ["hvs." + some(24), "hvb." + some(138), "hvr." + some(24)],
    "DigitalOcean": [f"{kind}_v1_{some(64, HEX)}" for kind in ("dop", "doo", "dor")],
    "Google": ["AIza" + some(35), "ya29." + some(40), "GOCSPX-" + some(28)],
    "Stripe": ["sk_live_" + some(24), "rk_test_" + some(24), "whsec_" + some(32)],
    "Twilio": ["SK" + some(32, HEX), "AC" + some(32, HEX)],
    "SendGrid": [f"SG.{some(22)}.{some(43)}"],
    "Mailgun": ["key-" + some(32, HEX)],
    "Mailchimp": [some(32, HEX) + "-us12"],
    "npm": ["npm_" + some(36)], "PyPI": ["pypi-AgEIcHlwaS5vcmc" + some(80)], "RubyGems": ["rubygems_" + some(48, HEX)],
    "Shopify": ["shpat_" + some(32, HEX)],
    "Square": ["sq0atp-" + some(22), "sq0csp-" + some(43), "EAAA" + some(60)],
    "Azure AD": ["abc8Q~" + some(34)],
    "New Relic": ["NRAK-" + some(27), "NRJS-" + some(19, HEX)],
    "Grafana": ["glsa_" + some(41), "glc_" + some(60)],
    "Hugging Face": ["hf_" + some(34)],
    "Databricks": ["dapi" + some(32, HEX)],
    "Docker": ["dckr_pat_" + some(27)],
    "Terraform Cloud": [f"{some(14)}.atlasv1.{some(67)}"],
    "Linear": ["lin_api_" + some(40)], "Notion": ["ntn_" + some(46), "secret_" + some(43)],
    "Postman": [f"PMAK-{some(24, HEX)}-{some(34, HEX)}"], "Pulumi": ["pul-" + some(40, HEX)],
    "Doppler": ["dp.pt." + some(43)], "Supabase": ["sbp_" + some(40, HEX)], "PlanetScale": ["pscale_tkn_" + some(43)],
    "Telegram": ["12345678:A" + some(34)], "Discord": [f"M{some(23)}.{some(6)}.{some(27)}", "discord.com/api/webhooks/123/" + some(68)],
    "Atlassian": ["ATATT3" + some(186)], "Dropbox": ["sl." + some(130)], "Sentry": ["sntryu_" + some(64, HEX)], "Perplexity": ["pplx-" + some(48)],
    "age": ["AGE-SECRET-KEY-1" + some(58, "QPZRY9X8GF2TVDW0")],
    "AWS session tokens": ["IQoJb3JpZ2luX2Vj" + some(200), "FwoGZXIvYXdzE" + some(200)],
    "AWS access key ids": ["AKIA" + some(16, "Q7XW2ZK9LMTFB4UV") + ":" + some(40), "ASIA" + some(16, "Q7XW2ZK9LMTFB4UV")],
    "PuTTY": ["PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\n" + some(60)],
    "PEM": [
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\nab/+=\n-----END PGP PRIVATE KEY BLOCK-----", "-----BEGIN OPENSSH PRIVATE KEY-----\\nabc\\n-----END OPENSSH PRIVATE KEY-----",
    ],
}  # fmt: skip


@pytest.mark.parametrize("issuer", SAMPLES)
def test_tokens_of_each_issuer_go(issuer):
    """In prose, in JSON, in a URL's query and behind an escaped line end; the documentation names the issuer."""
    assert issuer in (DOCS / "redaction.md").read_text()
    for token in SAMPLES[issuer]:
        tail = token[-12:]
        for line in (f"got {token} now", json.dumps({"m": token, "n": "kept"}), f"https://x/y?t={token}&n=1", f"a\\n{token}", f"'{token}'"):
            assert tail not in DEFAULT.text(line), line
        assert DEFAULT.text(f"got {token} now").startswith(f"got {'https://' if '://' in token else ''}{MASK}")


def test_a_pem_key_in_a_string_over_lines_goes():
    """Node splits long strings with a plus sign."""
    line = "{ key: '-----BEGIN PRIVATE KEY-----\\n' +\n    'MIIEhunter2\\n' +\n    '-----END PRIVATE KEY-----\\n', n: 1 }"
    assert DEFAULT.text(line) == "{ key: '[redacted]\\n', n: 1 }"


@pytest.mark.parametrize("line", [
    "task-proj-x sk-learn-contrib hf_hub pat.1 SKU1234 AC-17 sl.total SG.group key-value A3-size v1.0-beta", "sha256:" + some(64, HEX), "commit " + some(40, HEX),
    "8c9e0f1a-2b3c-4d5e-8f60-718293a4b5c6 1-5759e988-bd862e3fe1be46a994272793", "eyJ is the beginning of a token", "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----",
    "PRIVATE KEY not found", "https://host:8080/a@b http://[::1]:80/x", "curl -u is an option", "mysql -h host", "AKIA is a prefix", "12345678:ok", some(80),
])  # fmt: skip
def test_what_only_begins_like_one_stays(line):
    """Words, hashes, ids, public keys, and names of options."""
    assert DEFAULT.text(line) == line
