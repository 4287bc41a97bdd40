package hostcheck

import (
	"os"
	"path/filepath"
)

// place is what this process runs in, by which remedies differ.
type place string

const (
	machine    place = "a machine"
	docker     place = "a Docker container"
	podman     place = "a Podman container"
	kubernetes place = "a Kubernetes pod"
	gitlab     place = "a container of a GitLab runner"
	github     place = "a container of a GitHub job"
)

// findPlace looks for the files and variables that each place has.
func findPlace(root string, env func(string) string) place {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}
	inDocker, inPodman := there(".dockerenv"), there("run/.containerenv")
	switch {
	case there("var/run/secrets/kubernetes.io") || env("KUBERNETES_SERVICE_HOST") != "":
		return kubernetes
	case (inDocker || inPodman) && env("GITLAB_CI") != "":
		return gitlab
	case (inDocker || inPodman) && env("GITHUB_ACTIONS") != "":
		return github
	case inPodman:
		return podman
	case inDocker:
		return docker
	}
	return machine
}

// unconfined is how the place lets namespaces be made and proc be mounted.
func (p place) unconfined() string {
	const options = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
	switch p {
	case docker:
		return "docker run " + options + " … (the outer container)"
	case podman:
		return "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL … (the outer container)"
	case kubernetes:
		return "in the pod: spec.hostUsers: false, and in the container's securityContext: seccompProfile: {type: Unconfined}, appArmorProfile: {type: Unconfined}, procMount: Unmasked"
	case gitlab:
		return `in the runner's config.toml, [runners.docker]: security_opt = ["seccomp:unconfined", "apparmor:unconfined", "systempaths=unconfined"]`
	case github:
		return "in the workflow, jobs.JOB.container: options: " + options
	}
	return "run the tests as root, or on a machine that allows user namespaces"
}

// privileged is how the place gives a container all rights.
func (p place) privileged() string {
	switch p {
	case podman:
		return "podman run --privileged --cgroupns=private … (the outer container)"
	case kubernetes:
		return "in the container's securityContext: privileged: true"
	case gitlab:
		return "in the runner's config.toml, [runners.docker]: privileged = true"
	case github:
		return "in the workflow, jobs.JOB.container: options: --privileged --cgroupns=private"
	}
	return "docker run --privileged --cgroupns=private … (the outer container)"
}
