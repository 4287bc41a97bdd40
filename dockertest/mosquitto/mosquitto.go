// Package mosquitto runs Mosquitto, a broker of MQTT, for tests.
//
//	broker := mosquitto.Run(t, mosquitto.Options{})
//	client := connect(broker.URL()) // mqtt://127.0.0.1:49153
//
// It relies on what the official image eclipse-mosquitto documents: the configuration is
// /mosquitto/config/mosquitto.conf, and the entrypoint gives what is below /mosquitto to the server's user.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package mosquitto

import (
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "eclipse-mosquitto:2"

// Port is where the server listens, also with TLS.
const Port = 1883

// Options of a broker. The zero value is a broker that lets every client in.
type Options struct {
	// Image is Image or one with the same contract. Default: Image.
	Image string
	// Users are the passwords of clients, by their names. Default: none, and every client is let in.
	Users map[string]string
	// Config has further lines of mosquitto.conf. Default: none.
	Config string
	// TLS has the broker speak TLS alone, with a certificate for this machine and for Names.
	TLS bool
	// Names by which other containers reach the broker, for its certificate. Default: none.
	Names []string
}

// Server is a running broker. The methods of the container that it is made of do for it what they do for any.
type Server struct {
	*dockertest.Container
	opts Options
}

// Run starts a broker, waits until it accepts a client, and removes it when the test is over.
func Run(t testing.TB, o Options, opts ...dockertest.Option) *Server {
	t.Helper()
	return Of(dockertest.Run(t, o.image(), typed.With(o.Option(), opts)...), o)
}

// Start is Run for TestMain: Of(f.For(t), o) is the broker in a test.
//
// Errors: those of dockertest.Start.
func Start(ctx context.Context, o Options, opts ...dockertest.Option) (*dockertest.Fixture, error) {
	return dockertest.Start(ctx, o.image(), typed.With(o.Option(), opts)...)
}

// Of is the broker in a container that was started with the Option of the same options, in whatever way.
func Of(c *dockertest.Container, o Options) *Server { return &Server{c, o} }

func (o Options) image() string { return cmp.Or(o.Image, Image) }

const configDir = "/mosquitto/config"

// Option is what makes a container of Image such a broker, with the Wait for it.
func (o Options) Option() dockertest.Option {
	var conf strings.Builder
	fmt.Fprintf(&conf, "listener %d\npersistence false\nlog_dest stdout\n", Port)
	files := fstest.MapFS{}
	var client *tls.Config
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		client = typed.ClientTLS(cert)
		files["server.pem"], files["server.key"] = &fstest.MapFile{Data: cert.Cert, Mode: 0o644}, &fstest.MapFile{Data: cert.Key, Mode: 0o600}
		fmt.Fprintf(&conf, "certfile %s/server.pem\nkeyfile %[1]s/server.key\n", configDir)
	}
	if len(o.Users) == 0 {
		conf.WriteString("allow_anonymous true\n")
	} else {
		passwords, err := o.passwords()
		if err != nil {
			return dockertest.Invalid(err)
		}
		files["passwords"] = &fstest.MapFile{Data: passwords, Mode: 0o600}
		fmt.Fprintf(&conf, "allow_anonymous false\npassword_file %s/passwords\n", configDir)
	}
	conf.WriteString(o.Config + "\n")
	files["mosquitto.conf"] = &fstest.MapFile{Data: []byte(conf.String()), Mode: 0o644}
	user, password := o.first()
	talk := func(conn net.Conn) error { return connect(conn, user, password) }
	return dockertest.Options(dockertest.Port(Port), dockertest.Files(configDir, files), typed.Ask("a connection of MQTT", Port, client, talk))
}

// first is the user by whom the broker is waited for, and of whom URL tells.
func (o Options) first() (name, password string) {
	if len(o.Users) == 0 {
		return "", ""
	}
	name = slices.Min(slices.Collect(maps.Keys(o.Users)))
	return name, o.Users[name]
}

// iterations are what mosquitto_passwd has. More make the test slower, and nothing safer.
const iterations = 101

// passwords is the file that mosquitto_passwd writes. The salt is made of the name, so that the same users give the same file.
func (o Options) passwords() ([]byte, error) {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(o.Users)) {
		if name == "" || strings.ContainsAny(name, ":\n") {
			return nil, fmt.Errorf("mosquitto: %q is not a valid name of a user", name)
		}
		sum := sha256.Sum256([]byte(name))
		salt := sum[:12]
		hash, err := pbkdf2.Key(sha512.New, o.Users[name], salt, iterations, sha512.Size)
		if err != nil {
			return nil, fmt.Errorf("mosquitto: hash the password of %s: %w", name, err)
		}
		fmt.Fprintf(&b, "%s:$7$%d$%s$%s\n", name, iterations, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(hash))
	}
	return []byte(b.String()), nil
}

// connect is a client's first packet, and the broker's answer (MQTT 3.1.1, sections 3.1 and 3.2).
func connect(conn net.Conn, user, password string) error {
	const cleanSession, hasPassword, hasUser = 0x02, 0x40, 0x80
	flags := byte(cleanSession)
	body := append(text("MQTT"), 4)
	payload := text("") // the broker names the client
	if user != "" {
		flags |= hasUser | hasPassword
		payload = append(append(payload, text(user)...), text(password)...)
	}
	body = append(append(append(body, flags), 0, 10), payload...)
	packet := append([]byte{0x10}, binary.AppendUvarint(nil, uint64(len(body)))...)
	if _, err := conn.Write(append(packet, body...)); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	switch {
	case answer[0] != 0x20:
		return fmt.Errorf("the answer begins with %#x and is no CONNACK", answer[0])
	case answer[3] != 0:
		return fmt.Errorf("the broker refuses the client with code %d", answer[3])
	}
	_, err := conn.Write([]byte{0xe0, 0}) // DISCONNECT
	return err
}

func text(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }

// URL is where this machine reaches the broker, as the first of Users by name: mqtt://127.0.0.1:49153, or mqtts:// with TLS.
func (s *Server) URL() string { return s.opts.url(s.Addr(Port)) }

// URLAt is where other containers reach the broker, at a name of it on their network: URLAt("broker").
func (s *Server) URLAt(host string) string { return s.opts.url(fmt.Sprint(host, ":", Port)) }

func (o Options) url(addr string) string {
	u := url.URL{Scheme: "mqtt", Host: addr}
	if o.TLS {
		u.Scheme = "mqtts"
	}
	if name, password := o.first(); name != "" {
		u.User = url.UserPassword(name, password)
	}
	return u.String()
}

// TLSConfig is what a client on this machine needs for a broker with TLS; nil without.
func (s *Server) TLSConfig() *tls.Config { return typed.Config(s.opts.TLS, s.opts.Names) }
