// pion_peer: a DTLS 1.2 echo client or server on pion, the stack of Go programs and of WebRTC servers.
//
// Options are NAME=VALUE; `options` lists them. Output is lines, for scripts and people: HANDSHAKE or REFUSED, and a
// client's ECHOED. Exit status of a client: 0; 1 when an echo is lost or differs; 2 usage; 3 when there is no session.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v2"
)

var options = map[string]string{
	"role":     "client", // client, server
	"host":     "127.0.0.1",
	"port":     "4433",
	"ca":       "", // PEM: who has to have signed the other side's certificate
	"cert":     "", // PEM
	"key":      "", // PEM
	"name":     "localhost",
	"psk":      "", // IDENTITY:KEY in hex
	"suite":    "", // the only one, in pion's spelling; default: pion's own choice
	"ems":      "on",
	"mtu":      "1200",
	"messages": "20", // of a client; of a server: after which a session gets close_notify, 0: never
	"lose":     "",   // numbers of datagrams that a client sends, from 1, which are lost
	"miss":     "",   // likewise of those that it receives
}

func need(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
}

func parse() {
	for _, argument := range os.Args[1:] {
		parts := strings.SplitN(argument, "=", 2)
		if _, known := options[parts[0]]; !known || len(parts) != 2 {
			need(fmt.Errorf("unknown option %s", argument))
		}
		options[parts[0]] = parts[1]
	}
}

func number(name string) int {
	n, err := strconv.Atoi(options[name])
	need(err)
	return n
}

func suites() []dtls.CipherSuiteID {
	for id := 0; id < 0x10000 && options["suite"] != ""; id++ {
		if dtls.CipherSuiteID(id).String() == options["suite"] {
			return []dtls.CipherSuiteID{dtls.CipherSuiteID(id)}
		}
	}
	if options["suite"] != "" {
		need(fmt.Errorf("pion knows no suite %s", options["suite"]))
	}
	return nil
}

func makeConfig() *dtls.Config {
	config := &dtls.Config{
		CipherSuites:   suites(),
		MTU:            number("mtu"),
		FlightInterval: 300 * time.Millisecond,
		ServerName:     options["name"],
		ConnectContextMaker: func() (context.Context, func()) {
			return context.WithTimeout(context.Background(), 10*time.Second)
		},
	}
	if options["ems"] == "off" {
		config.ExtendedMasterSecret = dtls.DisableExtendedMasterSecret
	}
	if options["cert"] != "" {
		pair, err := tls.LoadX509KeyPair(options["cert"], options["key"])
		need(err)
		config.Certificates = []tls.Certificate{pair}
	}
	if options["ca"] != "" {
		pem, err := os.ReadFile(options["ca"])
		need(err)
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
		if options["role"] == "server" {
			config.ClientCAs = config.RootCAs
			config.ClientAuth = dtls.RequireAndVerifyClientCert
		}
	}
	if options["psk"] != "" {
		at := strings.LastIndex(options["psk"], ":")
		key, err := hex.DecodeString(options["psk"][at+1:])
		need(err)
		config.PSK = func([]byte) ([]byte, error) { return key, nil }
		config.PSKIdentityHint = []byte(options["psk"][:at])
	}
	return config
}

// A network that loses chosen datagrams of a client.
type lossy struct {
	net.Conn
	sent, received int
	lose, miss     map[int]bool
}

func numbers(name string) map[int]bool {
	set := map[int]bool{}
	for _, text := range strings.FieldsFunc(options[name], func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(text)
		need(err)
		set[n] = true
	}
	return set
}

func (l *lossy) Write(p []byte) (int, error) {
	l.sent++
	if l.lose[l.sent] {
		return len(p), nil
	}
	return l.Conn.Write(p)
}

func (l *lossy) Read(p []byte) (int, error) {
	for {
		n, err := l.Conn.Read(p)
		l.received++
		if err != nil || !l.miss[l.received] {
			return n, err
		}
	}
}

func echo(conn net.Conn, message []byte) bool {
	buffer := make([]byte, 8192)
	for try := 0; try < 5; try++ {
		if _, err := conn.Write(message); err != nil {
			return false
		}
		conn.SetReadDeadline(time.Now().Add(time.Second))
		if n, err := conn.Read(buffer); err == nil && bytes.Equal(buffer[:n], message) {
			return true
		}
	}
	return false
}

func client(config *dtls.Config) int {
	udp, err := net.Dial("udp", net.JoinHostPort(options["host"], options["port"]))
	need(err)
	conn, err := dtls.Client(&lossy{Conn: udp, lose: numbers("lose"), miss: numbers("miss")}, config)
	if err != nil {
		fmt.Println("REFUSED", err)
		return 3
	}
	fmt.Println("HANDSHAKE")
	equal := 0
	for i := 0; i < number("messages"); i++ {
		if echo(conn, bytes.Repeat([]byte{byte('a' + i%26)}, 1+i*61%1300)) {
			equal++
		}
	}
	fmt.Printf("ECHOED %d of %d\n", equal, number("messages"))
	conn.Close()
	if equal != number("messages") {
		return 1
	}
	return 0
}

func serve(conn net.Conn) {
	buffer := make([]byte, 8192)
	for served := 0; ; served++ {
		if served > 0 && served == number("messages") {
			conn.Close()
			return
		}
		n, err := conn.Read(buffer)
		if err != nil {
			fmt.Println("CLOSED", err)
			return
		}
		conn.Write(buffer[:n])
	}
}

func server(config *dtls.Config) {
	listener, err := dtls.Listen("udp", &net.UDPAddr{IP: net.ParseIP(options["host"]), Port: number("port")}, config)
	need(err)
	fmt.Println("READY")
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Println("REFUSED", err)
			continue
		}
		fmt.Println("HANDSHAKE")
		go serve(conn)
	}
}

func main() {
	parse()
	config := makeConfig()
	if options["role"] == "server" {
		server(config)
	}
	os.Exit(client(config))
}
