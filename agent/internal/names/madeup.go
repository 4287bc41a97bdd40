package names

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"
)

// MadeUp returns a name of two words, like Docker's, and a number that makes a second try almost never needed.
func MadeUp() string {
	return adjectives[pick(len(adjectives))] + "_" + nouns[pick(len(nouns))] + "_" + hex.EncodeToString([]byte{byte(pick(256)), byte(pick(256))})
}

func pick(n int) int {
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // never fails
	return int(i.Int64())
}

var adjectives = strings.Fields("airy amber bold brisk calm clear crisp dry eager early even fair fast fine firm fresh glad grand keen kind light lucid merry mild neat noble quick quiet rapid ready sharp silent sleek smart solid sound stable steady still stout sunny swift tidy warm wise")

var nouns = strings.Fields("anchor barge basin beacon bollard breakwater bridge buoy canal capstan causeway culvert dam davit dock dredger dyke estuary ferry fjord float gate girder harbor hull jetty keel keystone levee lighthouse lock mast mole mooring pier pile pontoon port pylon quay reef rudder sluice tide tug viaduct wharf winch")
