package redact

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestSecretNames(t *testing.T) {
	for name := range strings.FieldsSeq(`token TOKEN X-Auth-Token access_token accessToken AccessToken refresh-token id_token csrf_token _csrf
		key api_key apikey apiKey api-key X-Api-Key APIKEY Ocp-Apim-Subscription-Key keys AWSAccessKeyId x-amz-security-token X-Amz-Signature X-Amz-Credential
		password PASSWORD passwd pwd db.password user[password] PGPASSWORD DB_PASS passphrase secret client_secret clientSecret APISecret
		authorization Authorization Proxy-Authorization auth oauth X-Auth cookie Set-Cookie session session_id sessionId PHPSESSID JSESSIONID sid jwt sig signature
		credentials creds bearer %74oken %2574oken to%6ben private_key otp ticket SAMLResponse hmac`) {
		if !Secret(name) {
			t.Errorf("%s is taken for harmless", name)
		}
	}
	for name := range strings.FieldsSeq(`user_id page limit q name accept Accept-Encoding author passenger design signal sort level target monkeys
		workers backend_dsn backend_url queue url id compass keyword passage side assign`) {
		if Secret(name) {
			t.Errorf("%s is taken for a secret", name)
		}
	}
}

const planted = "pLanted-s3cret"

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:8080/a?user_id=42":          "http://127.0.0.1:8080/a?user_id=42",
		"http://[::1]:80/":                            "http://[::1]:80/",
		"http://joe:p@a/§@h/x":                        "http://xxxxx@h/x",
		"http://joe@h/a?mail=a@b":                     "http://xxxxx@h/a?mail=a@b",
		"§@http://h/":                                 "xxxxx@http://h/",
		"http://h/@joe/a;b":                           "http://h/@joe/a;b",
		"9@http://§@h/a":                              "9@http://xxxxx@h/a",
		"http://§@h/":                                 "http://xxxxx@h/",
		"http://joe:§@h/":                             "http://xxxxx@h/",
		"http://joe:a@§@h/":                           "http://xxxxx@h/",
		"http://joe:a/§@h:80/x":                       "http://xxxxx@h:80/x",
		"http://joe:§%zz@h/":                          "http://xxxxx@h/",
		"ht tp://joe:§@h/":                            "ht tp://xxxxx@h/",
		"://joe:§@h":                                  "://xxxxx@h",
		"joe:§@h":                                     "xxxxx@h",
		"//joe:§@h/":                                  "//xxxxx@h/",
		"http://h/?token=§&a=b":                       "http://h/?token=xxxxx&a=b",
		"http://h/?a=b;api_key=§":                     "http://h/?a=b;api_key=xxxxx",
		"http://h/?%74oken=§":                         "http://h/?%74oken=xxxxx",
		"http://h/?%2574oken=§":                       "http://h/?%2574oken=xxxxx",
		"http://h/?user%5Bpassword%5D=§":              "http://h/?user%5Bpassword%5D=xxxxx",
		"http://h/?accessToken=§#id_token=§&b=c":      "http://h/?accessToken=xxxxx#id_token=xxxxx&b=c",
		"http://h/a;jsessionid=§/b":                   "http://h/a;jsessionid=xxxxx/b",
		"http://h/?to=http%3A%2F%2Fjoe%3A§%40i%2F":    "http://h/?to=" + url.QueryEscape("http://xxxxx@i/"),
		"http://h/?to=http://i/?token%3D§":            "http://h/?to=" + url.QueryEscape("http://i/?token=xxxxx"),
		"http://joe:what?§@h/":                        "http://xxxxx@h/",
		"postgres://joe:§@h/db?sslpassword=§":         "postgres://xxxxx@h/db?sslpassword=xxxxx",
		"nats://§@h:4222,nats://joe:§@i:4222":         "nats://xxxxx@h:4222,nats://xxxxx@i:4222",
		"http://h/?token=":                            "http://h/?token=",
		"":                                            "",
		"http://":                                     "http://",
		"http://h/?page=2&q=a%20b":                    "http://h/?page=2&q=a%20b",
		"http://h/?redirect=%2Fhome":                  "http://h/?redirect=%2Fhome",
		"unix:///run/a.sock":                          "unix:///run/a.sock",
		"grpc://§@h:50051":                            "grpc://xxxxx@h:50051",
		"http://joe:§@h/?password=§#§@":               "http://xxxxx@h/?password=xxxxx#xxxxx@",
		"http://h/path?next=/a%3Fsession_id%3D§%26b=": "http://h/path?next=" + url.QueryEscape("/a?session_id=xxxxx&b="),
	} {
		if got := URL(strings.ReplaceAll(in, "§", planted)); got != want && strings.ReplaceAll(got, planted, "§") != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		} else if strings.Contains(got, planted) {
			t.Errorf("%s: %s has the secret", in, got)
		}
	}
}

func TestDSNAndServers(t *testing.T) {
	for _, row := range []struct {
		show           func(string) string
		what, in, want string
	}{
		{DSN, "an address", "postgres://joe:§@h:5432/db?sslmode=disable", "postgres://xxxxx@h:5432/db?sslmode=disable"},
		{DSN, "a slash in a password", "postgres://joe:12/§@h/db", "postgres://xxxxx@h/db"},
		{DSN, "a question mark in a password", "postgres://joe:what?§@h/db", "postgres://xxxxx@h/db"},
		{DSN, "words", "host=h password='§ §' user=joe", "host=h password='xxxxx' user=joe"},
		{DSN, "no scheme", "joe:§@tcp(h:3306)/db", "xxxxx@tcp(h:3306)/db"},
		{DSN, "a host alone", "h", "h"},
		{Servers, "nothing", "", ""},
		{Servers, "no secret", "nats://127.0.0.1:4222", "nats://127.0.0.1:4222"},
		{Servers, "no scheme", "127.0.0.1:4222", "127.0.0.1:4222"},
		{Servers, "user and password", "nats://me:§@a:4222", "nats://xxxxx@a:4222"},
		{Servers, "a token", "nats://§@a:4222", "nats://xxxxx@a:4222"},
		{Servers, "neither, but an @", "nats://@a:4222", "nats://xxxxx@a:4222"},
		{Servers, "user without a scheme", "me:§@a:4222", "xxxxx@a:4222"},
		{Servers, "several servers", "nats://me:§@a:4222, tls://§@b:4223,nats://c:4224", "nats://xxxxx@a:4222,tls://xxxxx@b:4223,nats://c:4224"},
		{Servers, "characters that are not escaped", "nats://me:sec@§/x@a:4222", "nats://xxxxx@a:4222"},
		{Servers, "a comma in a password", "nats://me:§,§@a:4222", "xxxxx,xxxxx@a:4222"},
		{Servers, "more than an address", "nats://a:4222/§?token=§#§", "nats://a:4222"},
	} {
		if got := row.show(strings.ReplaceAll(row.in, "§", planted)); strings.ReplaceAll(got, planted, "§") != row.want {
			t.Errorf("%s: %q is shown as %q, want %q", row.what, row.in, got, row.want)
		}
	}
}

func TestURLErrorQuotesNothing(t *testing.T) {
	for _, in := range []string{"http://joe:" + planted + "/x@h/", "http://joe:p%zz" + planted + "@h", "http://h:" + planted, "http://[" + planted, "ht\x7ftp://" + planted + "@h", ":" + planted} {
		_, err := url.Parse(in)
		if err == nil {
			continue
		}
		if got := URLError(err).Error(); strings.Contains(got, planted) || got == "" {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"TOKEN=§ ./srv --port 80":                     "TOKEN=xxxxx ./srv --port 80",
		"export DB_PASSWORD='§ §' && ./srv":           "export DB_PASSWORD='xxxxx' && ./srv",
		`./srv --api-key § --level 5`:                 `./srv --api-key xxxxx --level 5`,
		`./srv --api-key=§`:                           `./srv --api-key=xxxxx`,
		`./srv -token "§ x"`:                          `./srv -token "xxxxx"`,
		"DATABASE_URL=postgres://joe:§@h/db ./srv":    "DATABASE_URL=postgres://xxxxx@h/db ./srv",
		"host=h user=joe password=§ dbname=d":         "host=h user=joe password=xxxxx dbname=d",
		"host=h password = '§\\' §' user=joe":         "host=h password = 'xxxxx' user=joe",
		"Server=h;Password=§;User=joe":                "Server=h;Password=xxxxx;User=joe",
		`curl -H "Authorization: Bearer §" http://h/`: `curl -H "Authorization: xxxxx" http://h/`,
		`{"user":"joe","password":"§"}`:               `{"user":"joe","password":"xxxxx"}`,
		"dial http://joe:§@h/: refused":               "dial http://xxxxx@h/: refused",
		"got http://h/?token=§, want another":         "got http://h/?token=xxxxx, want another",
		"Cookie: a=§":                                 "Cookie: xxxxx",
		"it said: Bearer § is wrong":                  "it said: Bearer xxxxx is wrong",
		"20ms@2% level=50@target=a 9@http://h/":       "20ms@2% level=50@target=a 9@http://h/",
		"p99<250ms,rejected<1%@level=200":             "p99<250ms,rejected<1%@level=200",
		"the key is missing":                          "the key is missing",
		"ended badly: exit status 3; it said: no":     "ended badly: exit status 3; it said: no",
	} {
		got := Text(strings.ReplaceAll(in, "§", planted))
		if strings.ReplaceAll(got, planted, "§") != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

// An @ that stands in a path or a query has no user before it: what stands there
// is the server, which distinguishes targets.
func TestLearnedAddresses(t *testing.T) {
	for _, address := range []string{
		"http://127.0.0.1:18101/feed?mail=joe@example.com", "https://shop.example:8443/@joe/a", "9@http://weighted.example/a@b", "http://h.example:80/#x@y",
		"12345678@http://heavy.example/", "nats://Broker.example:4222",
	} {
		LearnURL(address)
		if got := Known(address); got != address {
			t.Errorf("%s became %s", address, got)
		}
	}
	LearnURL("before-" + planted + "@http://h/")
	LearnURL("9@http://joe:weighted-" + planted + "@h/a@b")
	LearnURL("http://joe:sl/ash-" + planted + "@h/")
	LearnURL("joe:source-" + planted + "@tcp(h)/db")
	for _, s := range []string{"before-", "weighted-", "sl/ash-", "source-"} {
		if got := Known("<" + s + planted + ">"); got != "<xxxxx>" {
			t.Errorf("%s was not learned: %s", s, got)
		}
	}
}

// A shell quotes a value in whatever parts; all of them are the secret.
func TestShellCommands(t *testing.T) {
	for in, want := range map[string]string{
		`PASSWORD=pa,§ ./srv --port 1`:               `PASSWORD=xxxxx ./srv --port 1`,
		`TOKEN='a b'"c §" ./srv`:                     `TOKEN=xxxxx ./srv`,
		`PASSWORD=a\ § ./srv`:                        `PASSWORD=xxxxx ./srv`,
		`PASSWORD="a"§ ./srv`:                        `PASSWORD=xxxxx ./srv`,
		`API_KEY=a'§' ./srv`:                         `API_KEY=xxxxx ./srv`,
		`env 'API_KEY=a b §' ./srv --x 'y z'`:        `env 'API_KEY=xxxxx' ./srv --x 'y z'`,
		`env "API_KEY=a \"b §" ./srv`:                `env "API_KEY=xxxxx" ./srv`,
		`API_KEY+=§ ./srv`:                           `API_KEY+=xxxxx ./srv`,
		`./srv --password a\ § --port 1`:             `./srv --password xxxxx --port 1`,
		`./srv --password -§ --port 1`:               `./srv --password xxxxx --port 1`,
		`./srv --api-key="a b"'§'`:                   `./srv --api-key=xxxxx`,
		`curl -u joe:§ http://h/`:                    `curl -u xxxxx http://h/`,
		`curl --user 'joe:a §' http://h/`:            `curl --user 'xxxxx' http://h/`,
		`(TOKEN=§; ./srv) && SECRET=§ | cat`:         `(TOKEN=xxxxx; ./srv) && SECRET=xxxxx | cat`,
		"export TOKEN=§\n./srv":                      "export TOKEN=xxxxx\n./srv",
		`TOKEN='never closed § ./srv`:                `TOKEN=xxxxx`,
		`it isn't TOKEN=§, as it doesn't say so`:     `it isn't TOKEN=xxxxx, as it doesn't say so`,
		`psql "host=h password=pa,§ user=a"`:         `psql "host=h password=xxxxx user=a"`,
		`./srv --token --port 1 -u root -addr :8080`: `./srv --token --port 1 -u root -addr :8080`,
		`./srv -c 'listen 1; key: 2' --pass`:         `./srv -c 'listen 1; key: 2' --pass`,
	} {
		got := Text(strings.ReplaceAll(in, "§", planted))
		if strings.ReplaceAll(got, planted, "§") != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	LearnText(`TOKEN='learned '"in parts" PASSWORD=comma,learned ./srv`)
	if got := Known("it is learned in parts and comma,learned"); got != "it is xxxxx and xxxxx" {
		t.Errorf("got %s", got)
	}
}

func TestArgs(t *testing.T) {
	special := map[string]func(string) string{"header": Header, "body": Body, "url": URL, "dsn": DSN}
	in := []string{"onhold", "run", "--header", "X-Custom: §", "--header=Accept: §", "-body", "§", "--url", "http://§@h/", "--url=9@http://joe:§@h/?token=§", "--level", "50",
		"--dsn=joe:§@tcp(h)/db", "--token", "§", "--password=§", "http://joe:§@h/", "PASSWORD=§", "--serve", "TOKEN=§ ./srv", "--body"}
	want := []string{"onhold", "run", "--header", "X-Custom: xxxxx", "--header=Accept: xxxxx", "-body", "(14 bytes)", "--url", "http://xxxxx@h/", "--url=9@http://xxxxx@h/?token=xxxxx", "--level", "50",
		"--dsn=xxxxx@tcp(h)/db", "--token", "xxxxx", "--password=xxxxx", "http://xxxxx@h/", "PASSWORD=xxxxx", "--serve", "TOKEN=xxxxx ./srv", "--body"}
	for i := range in {
		in[i] = strings.ReplaceAll(in[i], "§", planted)
	}
	if got := Args(in, special); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestKnownSecretsAreTakenOutAnywhere(t *testing.T) {
	LearnHeader("Authorization: Bearer abc-" + planted)
	LearnHeader("Authorization: Basic am9lOnBhc3MtdzByZCE=") // joe:pass-w0rd!
	LearnHeader("Cookie: theme=dark; id=cookie-" + planted)
	LearnHeader("Accept: application/json")
	LearnHeader("Referer: http://h.example/?page=1&access_token=refer-" + planted)
	LearnURL("postgres://joe:dsn%2F" + planted + "@h/db")
	LearnURL("http://h/?api_key=query-" + planted)
	LearnText("TOKEN=env-" + planted + " ./srv --secret 'flag-" + planted + "'")
	Learn(`quote"d-`+planted, "postgres", "short")
	for _, s := range []string{
		"abc-" + planted, "am9lOnBhc3MtdzByZCE=", "pass-w0rd!", "cookie-" + planted, "dsn%2F" + planted, "dsn/" + planted, "query-" + planted, "env-" + planted, "flag-" + planted, "refer-" + planted,
		`quote\"d-` + planted, "quote%22d-" + planted,
	} {
		if got := Known("<" + s + ">"); strings.Contains(got, planted) || strings.Contains(got, "w0rd") {
			t.Errorf("%s is still there: %s", s, got)
		}
	}
	for _, s := range []string{"application/json", "postgres", "short", "dark", "http://h.example/?page=1"} {
		if got := Known(s); got != s {
			t.Errorf("%s became %s", s, got)
		}
	}
}

// What a report is full of may look like a secret that was given: taken out there
// it would garble the record.
func TestNumbersAndNamesOfFieldsStay(t *testing.T) {
	for _, s := range []string{"10000000", "12345678", "2026-11-28", "127.0.0.1", "127.0.0.1:8080", "192.168.100.200", "16:39:51.832", "1000000000000000", "--------", "300.000000"} {
		LearnHeader("X-Number: " + s)
		if got := Known("<" + s + ">"); got != "<"+s+">" {
			t.Errorf("%s became %s", s, got)
		}
	}
	LearnHeader("X-Card: 4111111111111111")
	LearnHeader("X-Field: window_ns")
	LearnHeader(`X-Quoted: "a\b"-` + planted)
	LearnHeader("X-Escape: nEscaped-1")
	if got := Known("card 4111111111111111, window_ns"); got != "card xxxxx, xxxxx" {
		t.Errorf("got %s", got)
	}
	const q = `"a\b"-` + planted
	for in, want := range map[string]string{
		`{"window_ns":4111111111111111,"said":"4111111111111111 & \u00e9"}` + "\n": `{"window_ns":4111111111111111,"said":"xxxxx & é"}` + "\n",
		`{"window_ns" : ["window_ns", "é\\", "<&>\nEscaped-1"]}`:                   `{"window_ns" : ["xxxxx", "é\\", "<&>\nEscaped-1"]}`,
		`{"a":"\"window_ns\":1"}` + "\n" + `{"b":"window_ns"}`:                     `{"a":"\"xxxxx\":1"}` + "\n" + `{"b":"xxxxx"}`,
		`[{"text":` + string(must(json.Marshal("x"+q+"<y>"))) + `,"window_ns":1}]`: `[{"text":"xxxxxx<y>","window_ns":1}]`,
		`{"broken": "window_ns"`: `{"broken": "xxxxx"`,
	} {
		if got := Known(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestDigestTellsApart(t *testing.T) {
	a := Digest("a", "bc")
	if a != Digest("a", "bc") || len(a) != 16 {
		t.Errorf("digest %q is not the same again", a)
	}
	if a == Digest("ab", "c") || a == Digest("abc") {
		t.Error("two lists have one digest")
	}
}

// Whatever the address is like, its user information does not stay.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"joe", "joe:x", "a@b:c", "%zz", "a b", "\x00", "é"} {
		f.Add(s, "h/?token=")
	}
	f.Fuzz(func(t *testing.T, user, rest string) {
		if strings.ContainsAny(user, `/?#\`) || strings.ContainsAny(rest, "@") {
			return
		}
		got := URL("http://" + user + planted + "@" + rest)
		if strings.Contains(got, planted) {
			t.Errorf("user information %q before %q stays: %q", user, rest, got)
		}
		if again := URL(got); strings.Contains(again, planted) {
			t.Errorf("%q", again)
		}
		_ = Text(user + rest)
		_ = Args([]string{user, rest}, nil)
	})
}
