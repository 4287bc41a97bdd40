package mosquitto_test

import (
	"fmt"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/mosquitto"
)

func ExampleRun() {
	TestSensors := func(t *testing.T) {
		broker := mosquitto.Run(t, mosquitto.Options{Users: map[string]string{"sensor": "secret"}})
		fmt.Println(broker.URL()) // mqtt://sensor:secret@127.0.0.1:49153
	}
	_ = TestSensors // go test calls it
}
