package deploy

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/a628bb15/onhold/bench/cmd/onhold/internal/fleet"
	"github.com/a628bb15/onhold/reports/field"
)

var update = flag.Bool("update", false, "write the files in testdata again")

func sample() Config {
	return Config{
		Version: "v1.2.3", Agents: 4, Image: "registry.example/onhold:v1.2.3", CPUs: 2, Memory: "512Mi", Hosts: []string{"a.example", "joe@b.example"},
		Allow: []string{"http://10.0.0.0/8", "https://shop.example:8443"}, Idle: 30 * time.Minute,
	}
}

// What is printed is what module strict decodes, and has no secret.
func TestPrinted(t *testing.T) {
	const token = "t0p-s3cret"
	cluster, own, tunnel, far := sample(), sample(), sample(), sample()
	own.Bus, far.Bus, tunnel.Bus = "tls://"+token+"@bus.example:4222", "tls://"+token+"@bus.example:4222", "nats://"+token+"@127.0.0.1:4222"
	for name, print := range map[string]func() (string, error){
		"cluster.yaml": cluster.Kubernetes, "own-bus.yaml": own.Kubernetes, "tunnel.sh": tunnel.SSH, "ssh.sh": far.SSH,
	} {
		got, err := print()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got, token) {
			t.Errorf("%s shows the token", name)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (go test -update writes it again):\n%s", name, diff)
		}
	}
}

// The script for ssh starts an agent on each host, and hands it the address of the bus
// where no list of processes shows it.
func TestScript(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell:", err)
	}
	dir := t.TempDir()
	// This ssh writes what it was given, and what its host would run.
	ssh := "#!/bin/sh\nfor last; do :; done\n" + `read -r line; printf '%s\n' "$line" > "$0.$$"; printf '%s\n' "$*" >> "$0.$$"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "ssh"), []byte(ssh), 0o755); err != nil {
		t.Fatal(err)
	}
	c := sample()
	c.Bus = "nats://127.0.0.1:4222"
	c.Allow = []string{"http://it's.example"}
	script, err := c.SSH()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ONHOLD_BUS=nats://token@127.0.0.1:4222")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	calls, _ := filepath.Glob(filepath.Join(dir, "ssh.*"))
	var all strings.Builder
	for _, call := range calls {
		text, err := os.ReadFile(call)
		if err != nil {
			t.Fatal(err)
		}
		bus, command, _ := strings.Cut(string(text), "\n")
		if bus != "nats://token@127.0.0.1:4222" || strings.Contains(command, "token") {
			t.Errorf("%q, %q", bus, command)
		}
		all.WriteString(command)
		// The shell of the host takes the words as they were.
		_, remote, _ := strings.Cut(command, "onhold agent")
		words, err := exec.Command(shell, "-c", `for w in `+strings.TrimSpace(remote)+`; do echo "$w"; done`).Output()
		if err != nil || !strings.Contains(string(words), "\n--allow=http://it's.example\n") {
			t.Errorf("%q is %q: %v", remote, words, err)
		}
	}
	if len(calls) != 2 || !strings.Contains(all.String(), "-R 4222:127.0.0.1:4222 a.example ") || !strings.Contains(all.String(), "joe@b.example ") || !strings.Contains(all.String(), "--name b-example") {
		t.Errorf("%d calls:\n%s", len(calls), all.String())
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		field  string
	}{
		"no agents":        {func(c *Config) { c.Agents = 0 }, "Agents"},
		"no image":         {func(c *Config) { c.Image = "" }, "Image"},
		"an image of text": {func(c *Config) { c.Image = "a b: c" }, "Image"},
		"no CPUs":          {func(c *Config) { c.CPUs = 0 }, "CPUs"},
		"memory":           {func(c *Config) { c.Memory = "512" }, "Memory"},
		"no target":        {func(c *Config) { c.Allow = nil }, "Allow"},
		"no end":           {func(c *Config) { c.Idle = 0 }, "Idle"},
	} {
		config := sample()
		c.change(&config)
		if _, err := config.Kubernetes(); !isOf(err, c.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, hosts := range [][]string{nil, {""}, {"a", "a"}, {"-oProxyCommand=x"}, {"a; rm b"}, {"a b"}} {
		config := sample()
		config.Hosts = hosts
		if _, err := config.SSH(); !isOf(err, "Hosts") {
			t.Errorf("%q: %v", hosts, err)
		}
	}
}

func isOf(err error, name string) bool {
	wrong, ok := err.(*field.Error)
	return ok && wrong.Field == name
}

// The bus of the manifests, with keys as the page has them made, lets in whoever has both
// a certificate and the token.
func TestBus(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl:", err)
	}
	dir := t.TempDir()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if !strings.Contains(block[1], "openssl") {
			continue
		}
		cmd := exec.Command("sh", "-e", "-c", block[1])
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	manifests, err := os.ReadFile(filepath.Join("testdata", "cluster.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(manifests), "nats.conf: |\n")
	text, _, _ = strings.Cut(text, "---")
	keys := filepath.Join(dir, "keys")
	text = strings.NewReplacer("port: 4222", "host: 127.0.0.1, port: -1", "./secret/", "./keys/", "/etc/nats/secret", keys).Replace(text)
	config := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(config)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	options.NoLog, options.NoSigs = true, true
	bus, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	bus.Start()
	t.Cleanup(func() { bus.Shutdown(); bus.WaitForShutdown() })
	if !bus.ReadyForConnections(20 * time.Second) {
		t.Fatal("the bus has not started")
	}
	url, err := os.ReadFile(filepath.Join(keys, "url"))
	if err != nil {
		t.Fatal(err)
	}
	good := fleet.BusConfig{
		URL: strings.Replace(strings.TrimSpace(string(url)), "onhold-bus:4222", bus.Addr().String(), 1), CA: filepath.Join(keys, "ca.pem"),
		Cert: filepath.Join(keys, "agent.pem"), Key: filepath.Join(keys, "agent.key"),
	}
	if b, err := fleet.Connect(good); err != nil {
		t.Errorf("an agent with its keys: %v", err)
	} else {
		b.Close()
	}
	stranger, guess := good, good
	stranger.Cert, stranger.Key = "", ""
	guess.URL = "tls://guess@" + bus.Addr().String()
	for what, c := range map[string]fleet.BusConfig{"without a certificate": stranger, "with another token": guess} {
		if b, err := fleet.Connect(c); err == nil {
			t.Errorf("a client %s is let in", what)
			b.Close()
		}
	}
}
