// Package strict decodes the manifests of package deploy into the types of Kubernetes: a
// field that is not known, is given twice or has another type is an error.
package strict

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// manifests are those of a file, by kind.
func manifests(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	for i, part := range strings.Split("\n"+string(text), "\n---\n") {
		var is struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(part), &is); err != nil {
			t.Fatal(err)
		}
		if is.Kind == "" && i == 0 {
			continue // comments
		}
		into := map[string]any{"ConfigMap": &core.ConfigMap{}, "Service": &core.Service{}, "Deployment": &apps.Deployment{}, "Job": &batch.Job{}}[is.Kind]
		if into == nil || all[is.Kind] != nil {
			t.Fatalf("%s: part %d is a %q", name, i, is.Kind)
		}
		if err := yaml.UnmarshalStrict([]byte(part), into); err != nil {
			t.Errorf("%s: %s: %v", name, is.Kind, err)
		}
		all[is.Kind] = into
	}
	return all
}

func TestJob(t *testing.T) {
	for _, name := range []string{"cluster.yaml", "own-bus.yaml"} {
		job, ok := manifests(t, name)["Job"].(*batch.Job)
		if !ok {
			t.Fatalf("%s has no Job", name)
		}
		s := job.Spec
		if *s.CompletionMode != batch.IndexedCompletion || *s.Completions != 4 || *s.Parallelism != 4 || *s.BackoffLimitPerIndex != 0 || s.Template.Spec.RestartPolicy != core.RestartPolicyNever {
			t.Errorf("%s: the agents are not %d of which none is replaced: %+v", name, 4, s)
		}
		if rules := s.PodFailurePolicy.Rules; len(rules) != 1 || rules[0].Action != batch.PodFailurePolicyActionFailIndex || *rules[0].OnExitCodes.ContainerName != s.Template.Spec.Containers[0].Name ||
			rules[0].OnExitCodes.Operator != batch.PodFailurePolicyOnExitCodesOpNotIn || !slices.Equal(rules[0].OnExitCodes.Values, []int32{0}) {
			t.Errorf("%s: the failure of an agent ends the others: %+v", name, rules)
		}
		c := s.Template.Spec.Containers[0]
		if c.Image != "registry.example/onhold:v1.2.3" || !slices.Contains(c.Args, "--allow=http://10.0.0.0/8") || !slices.Contains(c.Args, "--allow=https://shop.example:8443") {
			t.Errorf("%s: image %s, arguments %q", name, c.Image, c.Args)
		}
		if v := c.Env[1]; v.Name != "ONHOLD_BUS" || v.Value != "" || v.ValueFrom.SecretKeyRef == nil {
			t.Errorf("%s: the address of the bus does not come from a secret: %+v", name, v)
		}
		contained(t, name, s.Template.Spec)
	}
}

// contained checks what a pod may use and do.
func contained(t *testing.T, name string, pod core.PodSpec) {
	t.Helper()
	if *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("%s: %+v", name, pod)
	}
	for _, c := range pod.Containers {
		for _, of := range []core.ResourceName{core.ResourceCPU, core.ResourceMemory} {
			asked, limit := c.Resources.Requests[of], c.Resources.Limits[of]
			if asked.IsZero() || asked.Cmp(limit) != 0 {
				t.Errorf("%s: %s of %s is %s, and at most %s; want the same", name, of, c.Name, asked.String(), limit.String())
			}
		}
		if s := c.SecurityContext; *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
			t.Errorf("%s: %s: %+v", name, c.Name, s)
		}
		for _, m := range c.VolumeMounts {
			if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s: %s mounts %s, of which there is no volume", name, c.Name, m.Name)
			}
		}
	}
}

func TestBus(t *testing.T) {
	all := manifests(t, "cluster.yaml")
	service, bus := all["Service"].(*core.Service), all["Deployment"].(*apps.Deployment)
	if service.Spec.ClusterIP != core.ClusterIPNone {
		t.Errorf("the Service is not headless: %+v", service.Spec)
	}
	for key, value := range service.Spec.Selector {
		if bus.Spec.Template.Labels[key] != value || bus.Spec.Selector.MatchLabels[key] != value {
			t.Errorf("the Service has %s=%s, the bus %v", key, value, bus.Spec.Template.Labels)
		}
	}
	if len(service.Spec.Selector) == 0 || *bus.Spec.Replicas != 1 {
		t.Errorf("%+v, %+v", service.Spec, bus.Spec)
	}
	contained(t, "cluster.yaml", bus.Spec.Template.Spec)
	if config := all["ConfigMap"].(*core.ConfigMap); config.Data["nats.conf"] == "" {
		t.Errorf("%+v", config)
	}
	if own := manifests(t, "own-bus.yaml"); len(own) != 1 {
		t.Errorf("beside a bus that is there, there are %d manifests", len(own))
	}
}
