// Command front asks BACK, a URL, and passes its answer on.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

func main() {
	client := http.Client{Timeout: time.Second}
	log.Fatal(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := client.Get(os.Getenv("BACK"))
		if err != nil {
			http.Error(w, "nobody knows the time", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		fmt.Fprint(w, "it is ")
		if _, err := io.Copy(w, resp.Body); err != nil {
			log.Print(err)
		}
	})))
}
