// Command registryfixture prints the newest version of an image: the highest of its tags that are numbers.
//
//	registryfixture registry.example.com/team/app
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/caisson-dev/caisson/registry"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: registryfixture REGISTRY/REPOSITORY")
	}
	c := registry.NewClient(registry.ClientOptions{})
	v, err := newest(context.Background(), c, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v)
}

var errNoVersion = errors.New("no tag is a number")

func newest(ctx context.Context, c *registry.Client, repository string) (int, error) {
	best := 0
	for tag, err := range c.Tags(ctx, repository, registry.ListOptions{}) {
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(tag); err == nil {
			best = max(best, n)
		}
	}
	if best == 0 {
		return 0, fmt.Errorf("%s: %w", repository, errNoVersion)
	}
	return best, nil
}
