// Package deploy writes what starts the agents of a fleet on other machines: Kubernetes
// manifests, and a script for ssh. Neither has a secret in it. [Config.Kubernetes] and
// [Config.SSH] are where to begin; README.md is for users.
package deploy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"text/template"
	"time"

	"github.com/a628bb15/onhold/reports/field"
)

// Config is how agents are to be started.
type Config struct {
	Version string   // of this program, which agents and coordinator must share
	Agents  int      // of a cluster
	Image   string   // that a cluster has this program in
	CPUs    int      // of each agent of a cluster
	Memory  string   // likewise, as Kubernetes writes it: 512Mi, 2Gi
	Hosts   []string // for ssh, as ssh takes them
	Allow   []string // targets that agents may drive
	Idle    time.Duration
	Bus     string // the address of a bus that is there already; empty where the cluster is to have one
}

// MostAgents bounds the agents of a cluster: those of a fleet.
const MostAgents = 10_000

var (
	imagePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}$`)
	memoryPattern = regexp.MustCompile(`^[1-9][0-9]{0,8}(Mi|Gi)$`)
	// No option of ssh and no word of a shell: what it is quoted as does not matter.
	hostPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9@._-]{0,200}$`)
)

func (c Config) validate() error {
	return field.First(
		field.Check(len(c.Allow) > 0, "Allow", "", "the targets that the agents may drive, such as http://10.0.0.0/8"),
		field.Check(c.Idle >= time.Minute, "Idle", c.Idle, "1m or more, so that the agents wait for a run and end without one"),
	)
}

var (
	//go:embed kubernetes.yaml.tmpl
	kubernetesText string
	//go:embed ssh.sh.tmpl
	sshText string

	funcs = template.FuncMap{
		"quoted": func(v any) (string, error) { // a string of YAML, which JSON is a part of
			text, err := json.Marshal(fmt.Sprint(v))
			return string(text), err
		},
		"word": func(v any) string { return "'" + strings.ReplaceAll(fmt.Sprint(v), "'", `'\''`) + "'" },
	}
	kubernetes = template.Must(template.New("kubernetes").Funcs(funcs).Parse(kubernetesText))
	ssh        = template.Must(template.New("ssh").Funcs(funcs).Parse(sshText))
)

// Kubernetes is manifests: the agents as a Job, and the bus where there is none. The error
// of a field is a [*field.Error].
func (c Config) Kubernetes() (string, error) {
	if err := field.First(
		field.Check(c.Agents >= 1 && c.Agents <= MostAgents, "Agents", c.Agents, fmt.Sprintf("1 to %d", MostAgents)),
		field.Check(imagePattern.MatchString(c.Image), "Image", c.Image, "an image with this program, such as registry.example/onhold:"+c.Version),
		field.Check(c.CPUs >= 1 && c.CPUs <= 1024, "CPUs", c.CPUs, "1 to 1024"),
		field.Check(memoryPattern.MatchString(c.Memory), "Memory", c.Memory, "mebibytes or gibibytes, such as 512Mi or 2Gi"),
		c.validate(),
	); err != nil {
		return "", err
	}
	return c.fill(kubernetes)
}

// SSH is a shell script that starts an agent on each host. The error of a field is a
// [*field.Error].
func (c Config) SSH() (string, error) {
	check := field.Check(len(c.Hosts) > 0, "Hosts", "", "host names, such as a.example,b.example")
	seen := map[string]bool{}
	for _, host := range c.Hosts {
		check = field.First(check, field.Check(hostPattern.MatchString(host) && !seen[host], "Hosts", host, "a host of its own for each agent, as HOST or USER@HOST; ports belong in the configuration of ssh"))
		seen[host] = true
	}
	if err := field.First(check, c.validate()); err != nil {
		return "", err
	}
	return c.fill(ssh)
}

func (c Config) fill(t *template.Template) (string, error) {
	var b bytes.Buffer
	err := t.Execute(&b, c)
	return b.String(), err
}

// Tunnel is the port of a bus on this machine, which hosts reach over ssh; empty where
// the bus is elsewhere.
func (c Config) Tunnel() string {
	u, err := url.Parse(c.Bus)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	return u.Port()
}

// Name is the name of the agent on a host.
func (Config) Name(host string) string {
	_, after, found := strings.Cut(host, "@")
	if !found {
		after = host
	}
	name := strings.Map(func(r rune) rune {
		if r == '.' {
			return '-'
		}
		return r
	}, after)
	return name[:min(len(name), 64)]
}
