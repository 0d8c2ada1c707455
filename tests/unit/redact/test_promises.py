# ruff: noqa: Q000, Q003, SIM905
"""What docs/redaction.md promises: for each promise some lines that hold a secret, which goes, and some that hold none, which stay."""

import json

import pytest

from pipeline.redact.mask import MASK
from pipeline.redact.redactor import DEFAULT
from tests.support.paths import DOCS

S = "Zq8#kP2mX"
LINES = {
    "JSON": [
        json.dumps({"password": S}), json.dumps({"password": {"a": [S]}}), json.dumps({"m": json.dumps({"m": json.dumps({"password": f'a"{S}'})})}),
        json.dumps({"m": f"{{'password': 'it\\'s {S}'}}"}), json.dumps({"SecretString": json.dumps({"a": S})}), json.dumps({"password": f"x{S}"})[:-3],
        json.dumps({"m": json.dumps({"password": f"x {S}"})})[:-4], f'INFO {{\\"password\\":\\"{S}\\"}}', f'INFO {{\\\\\\"password\\\\\\":\\\\\\"{S}\\\\\\"}}',
        f'{{"password":"{S}', f'[INFO] got {{"password": "{S}"}}', f'{{&quot;password&quot;:&quot;{S}&quot;}}', f"%7B%22password%22%3A%22{S}%22%7D",
    ],
    "Python": [
        f"[INFO]\t2026\t1\t{{'password': '{S}'}}", f"{{'password': b'{S}', 'n': 1}}", f"{{b'password': rb'{S}'}}", f"{{u'password': u'{S}'}}",
        f"{{'password': '''a'b {S}'''}}", f"Login(user='u', password=\"it's {S}\")", f"Login(password='a' 'b{S}')", f"[(b'Cookie', b'a={S}')]",
        f"('password', '{S}')", f"password=Secret(value='{S}')", f"environ({{'DB_PASSWORD': '{S}'}})", f"send: b'GET / HTTP/1.1\\r\\nCookie: a=b; c={S}\\r\\n\\r\\n'",
        repr({"body": json.dumps({"password": f"it's {S}"})}), f"['tool', '--password', '{S}']",
    ],
    "Node": [
        f"{{ user: 'u', password: \"it's {S}\" }}", f"{{ password: `it's \"x\" {S}` }}", f"{{\n  password: 'abc' +\n    '{S}'\n}}", f"{{\n  cookies: [\n    'a={S}',\n    'b=1'\n  ]\n}}",
        f"Map(1) {{ 'token' => '{S}' }}", f"Headers {{ [Symbol(map)]: {{ authorization: [ '{S}' ] }} }}", f"{{ rawHeaders: [ 'Host', 'x', 'Cookie', '{S}' ] }}",
        f"{{ secret: <Buffer 61 {S}> }}", f"{{ credentials: Credentials {{ id: 'x', secretAccessKey: '{S}' }} }}",
    ],
    "Java, Kotlin and Scala": [
        f"{{a=b, c=[d], password={S}}}", f"Login{{user=u, password=a {S}, n=1}}", f"Login(user=u, password={S})", f"Login[password={S}, user=u]", f"{{password=Optional[{S}]}}",
        f"[main] INFO c.e.Foo - {{authorization=[Token {S}]}}", f"Map(password -> {S})",
    ],
    ".NET": [f"Login {{ UserName = u, Password = my {S}, N = 1 }}", f"Foo {{ Inner = Inner {{ Password = {S} }} }}", f"[12:00:00 INF] {{\"Password\": \"{S}\"}}"],
    "Go": [
        f"map[password:[{S}] x:[y]]", f"{{User:u Password:a {S} N:1}}", f"&main.Login{{User:\"u\", Password:\"{S}\"}}",
        f"http.Header{{\"Authorization\":[]string{{\"x {S}\"}}}}",
    ],
    "Ruby": [f"{{:password=>\"{S}\"}}", f"{{\"password\" => \"{S}\"}}", f"{{password: \"{S}\"}}", f"#<Login:0x00 @password=\"{S}\">", f"I, [2026 #16]  INFO -- : {{:api_key=>\"{S}\"}}"],
    "PHP": [
        f"Array\n(\n    [user] => u\n    [password] => my {S}\n)", f"array(1) {{\n  [\"password\"]=>\n  string(13) \"a\"b {S}\"\n}}", f"Login Object\n(\n [password:Login:private] => {S}\n)",
        f"['password' => '{S}']", f"postgres:\\/\\/u:{S}@h", f"[2026-01-01] app.INFO: login {{\"password\":\"{S}\"}} []",
    ],
    "Rust": [f"Login {{ password: Some(\"{S}\") }}", f"Login {{ password: Secret(\"{S}\"), n: 1 }}", f"(\"authorization\", \"Token {S}\")"],
    "Elixir and Clojure": [f"%{{password: \"{S}\"}}", f"{{:password, \"{S}\"}}", f"{{:password \"{S}\", :user \"u\"}}"],
    "YAML, TOML, ini and environment dumps": [
        f"db:\n  user: u\n  password: '{S}'\n", f"db:\n  password: |\n    line\n    {S}\n  n: 1", f"[db]\npassword = {S}\nhost = x", f"export DB_PASSWORD={S}",
        f"DB_PASSWORD=a,b;c&d(e{S} N=1", f"spring.datasource.password={S}",
    ],
    "HTTP": [
        f"X-Api-Key: {S}\r\nHost: x", f"> Authorization: ApiKey {S}", f"Set-Cookie: sid={S}; Path=/; HttpOnly", f"x-amz-security-token:{S}\nhost:x",
        f"Authorization: Token token=\"{S}\", n=\"e\"", f"authorization: OAuth a=\"b\", oauth_signature=\"{S}\"", f"user=u&password={S}&n=1", f"GET /x?access_token={S}#a",
        f"https://a/x?sv=1&sig={S}&se=2", f"GET /cb?code={S}&state=1", f"code={S}&grant_type=authorization_code", f"user[password]={S}&n=1", f"password%3D{S}%26n%3D1",
        f"--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{S}\r\n--b--",
    ],
    "XML and HTML": [
        f"<password>{S}</password>", f"<wsse:Password Type=\"x\">\n {S}\n</wsse:Password>", f"<password><![CDATA[{S}]]></password>", f"<input name=\"password\" value=\"{S}\">",
        f"<add key=\"DbPassword\" value='{S}'/>", f"<property name=\"password\">{S}</property>", f"<Login password=\"{S}\"/>", f"&lt;password&gt;{S}&lt;/password&gt;",
        f"<Name>/db/password</Name><Type>String</Type><Value>{S}</Value>", f"<key>password</key>\n<string>{S}</string>",
    ],
    "Pairs": [
        json.dumps({"Name": "DB_PASSWORD", "Type": "String", "Value": S}), json.dumps({"Value": S, "Name": "/prod/db/password"}), json.dumps({"Name": "x", "Type": "SecureString", "Value": S}),
        json.dumps([{"key": "password", "value": {"stringValue": S}}], indent=2), json.dumps({"ParameterKey": "DBPassword", "ParameterValue": S}), f"{{'Name': 'DB_PASSWORD', 'Tier': 'x', 'Value': '{S}'}}",
        f"{{ Name: 'DB_PASSWORD',\n  Value: '{S}' }}", f"{{Name:DB_PASSWORD Value:{S}}}", f"Parameter(Name=/a/password, Type=String, Value={S}, Version=1)", f"{{\"Name\"=>\"DB_PASSWORD\", \"Value\"=>\"{S}\"}}",
        f"Array\n(\n [Name] => DB_PASSWORD\n [Value] => {S}\n)", f"- name: DB_PASSWORD\n  value: {S}\n",
    ],
    "Commands": [
        f"curl -u user:{S} https://x", f"curl -X POST --user 'user:{S}' https://x", f"[ 'curl', '-u', 'a:{S}' ]", f"curl -H 'X-Api-Key: {S}' x", f"tool --password {S} --n", f"tool --api-key='{S}'",
        f"mysql -u root -p{S} db", f"sshpass -p {S} ssh x", f"docker login -u x -p {S}", f"redis-cli -a {S} ping", f"CREATE USER u IDENTIFIED BY '{S}'",
    ],
    "Connection strings": [
        f"postgresql+psycopg2://u:{S}@h/db", f"amqps://u:a/{S}@h", f"rediss://:{S}@h:1", f"mongodb+srv://u:a@{S}@h/x", f"jdbc:sqlserver://h;user=u;password={S};x=y", f"jdbc:oracle:thin:u/{S}@h",
        f"u:{S}@tcp(h:3306)/db", f"Server=h;Pwd={S};Database=d", f"AccountName=a;AccountKey={S}==;EndpointSuffix=x", f"host=h password='{S}' user=u",
    ],
    "Prose": [f"password: {S}", f"login with password: {S} failed", f"api key: {S}", f"Secret access key: {S}", f"Client token: {S}"],
}  # fmt: skip
NAMES = (
    "pass DB_PASS password2 password_confirmation dbpassword credential credentials signing_key encryptionKey session_id JSESSIONID PHPSESSID connect.sid jwt otp totp "
    "mfaCode user_token deviceToken client_secret SecretAccessKey SessionToken X-Amz-Security-Token Set-Cookie proxy-authorization x-api-key apikey"
).split()
HARMLESS = [
    "User: x is not authorized on arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf because", "secret: see docs", "password: required",
    "Password must be at least 8 characters", "SyntaxError: Unexpected token: }", "Unexpected token < in JSON at position 0", "PWD=/var/task OLDPWD=/", "tokens used: 17", "token count: 17",
    '{"nextToken":"abc","pageToken":"x","clientToken":"x","max_tokens":5,"total_tokens":7,"token_count":3}', '{"private_key_id":"abc","cookieConsent":"yes","password_reset_url":"https://x/y"}',
    '{"passed":true,"bypass":"x","compass":"n","passenger":"Bob","author":"Ann","authority":"x","secretary":"x","secretName":"db","secretArn":"arn:x","SecretId":"db"}',
    "{'Step': 'createSecret', 'Token': '8c9e0f1a-2b3c-4d5e-8f60-718293a4b5c6', 'SecretId': 'x'}", '{"VersionId":"8c9e0f1a-2b3c-4d5e-8f60-718293a4b5c6"}', "{ password: undefined, token: null }",
    "{'password': None, 'token': '', 'secret': False}", "allowHeaders: ['Content-Type','Authorization','X-Api-Key','X-Amz-Security-Token']", '{"required":["password","email"]}', "exit code=1",
    "https://x/y?code=404&z=1", "KeyError: 'password'", 'column "password" of relation "users" does not exist', "Parameter /prod/db/password not found", "repo/app:latest@sha256:" + "0f" * 32,
    "Token validation failed: signature mismatch", "Missing required key 'password' in event", "password policy: minimum length 8", "commit 8c9e0f1a2b3c4d5e8f60718293a4b5c6aabbccdd", "Usage: tool <token> --json",
]  # fmt: skip


@pytest.mark.parametrize(("promise", "line"), [(promise, line) for promise, lines in LINES.items() for line in lines])
def test_a_secret_goes_in_every_form_that_is_promised(promise, line):
    """The secret is gone, a second look changes nothing, JSON stays JSON, and the documentation names the form."""
    left = DEFAULT.text(line)
    assert S not in left
    assert DEFAULT.text(left) == left
    assert f"**{promise}**" in (DOCS / "redaction.md").read_text()
    try:
        json.loads(line)
    except ValueError:
        return
    json.loads(left)


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_key_is_known_by_its_name(name):
    """In JSON, and as a variable."""
    assert DEFAULT.text(json.dumps({name: S, "n": "kept"})) == json.dumps({name: MASK, "n": "kept"})
    assert S not in DEFAULT.text(f"{name}={S}")


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_harmless_stays(line):
    """Prose, names of secrets, page tokens, version ids, lists of names and hashes stay byte for byte."""
    assert DEFAULT.text(line) == line


def test_neighbours_stay():
    """Of a line with a secret, the rest stays as it was."""
    for line in (
        f"Login(user='kept', password='{S}', n=1)", f"{{user=kept, password={S}, n=1}}", f"map[password:{S} user:kept]", f"password={S} user=kept", f"password: '{S}'\nuser: kept",
        f"?password={S}&user=kept", f"Password={S};User=kept", f"Array\n(\n [password] => {S}\n [user] => kept\n)", f"<password>{S}</password><user>kept</user>",
    ):  # fmt: skip
        left = DEFAULT.text(line)
        assert "kept" in left
        assert left.replace(MASK, S) == line
