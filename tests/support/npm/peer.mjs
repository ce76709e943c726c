// peer.mjs MODULES STACK NAME=VALUE..: a DTLS 1.2 echo client on one of the stacks in MODULES, a folder of npm's:
//
//   node-dtls-client   pre-shared keys; what home automation speaks to lamps with
//   nodertc            @nodertc/dtls
//   werift             werift-dtls, of the WebRTC stack; also a server, which ends with its first client
//
// Options: host, port, cert, key (PEM files), psk (IDENTITY:KEY in hex), suite, messages; of werift role=server, asks=on
// (for the client's certificate), lose and miss: numbers, from 1, of datagrams to and from it that are lost. Output is
// lines: HANDSHAKE, CERTIFICATE and the SHA-256 of the one a client has shown, ECHOED N of N, CLOSED, FAILED. Exit status: 0; 1 an echo is lost or differs; 3 no session.
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, stack, ...rest] = process.argv.slice(2);
const options = { host: '127.0.0.1', port: '4433', messages: '20', role: 'client' };
for (const argument of rest) {
    const at = argument.indexOf('=');
    options[argument.slice(0, at)] = argument.slice(at + 1);
}
const require = createRequire(pathToFileURL(modules + '/x.js'));
const port = Number(options.port), messages = Number(options.messages);
const colon = options.psk?.lastIndexOf(':');
const identity = options.psk?.slice(0, colon);
const secret = options.psk && Buffer.from(options.psk.slice(colon + 1), 'hex');
const pem = (name) => options[name] && readFileSync(options[name]);

function end(status, text) {
    console.log(text);
    process.exit(status);
}

let isUp = false;
setTimeout(() => end(isUp ? 1 : 3, 'FAILED out of time'), 12000);
const failed = (error) => end(isUp ? 1 : 3, `FAILED ${error}`);

// One message after the other, each awaited; a lost one is sent again.
function echo(send, close) {
    let number = 0, equal = 0, timer;
    const message = () => Buffer.alloc(1 + (number * 61) % 1100, 97 + (number % 26));
    const next = () => {
        if (number === messages) {
            close();
            console.log(`ECHOED ${equal} of ${messages}`);
            setTimeout(() => process.exit(equal === messages ? 0 : 1), 50);
            return;
        }
        send(message());
        timer = setTimeout(next, 500);
    };
    isUp = true;
    console.log('HANDSHAKE');
    next();
    return (data) => {
        clearTimeout(timer);
        equal += data.equals(message());
        number++;
        next();
    };
}

async function nodeDtlsClient() {
    const { dtls } = await import(pathToFileURL(modules + '/node-dtls-client/build/dtls.js'));
    let take;
    const socket = dtls.createSocket({ type: options.host.includes(':') ? 'udp6' : 'udp4', address: options.host, port,
        psk: { [identity]: secret.toString('latin1') }, timeout: 5000, ciphers: options.suite && [options.suite] });
    socket.on('connected', () => { take = echo((data) => socket.send(data), () => socket.close()); });
    socket.on('message', (data) => take(data));
    socket.on('error', failed);
    socket.on('close', () => { if (!isUp) failed('closed'); });
}

function nodertc() {
    let take;
    const socket = require('@nodertc/dtls').connect({ type: 'udp4', remoteAddress: options.host, remotePort: port,
        cipherSuites: options.suite && [options.suite], certificate: pem('cert'), certificatePrivateKey: pem('key'),
        pskIdentity: identity, pskSecret: secret });
    socket.once('connect', () => { take = echo((data) => socket.write(data), () => socket.close()); });
    socket.on('data', (data) => take(data));
    socket.on('error', failed);
    socket.on('close', () => { if (!isUp) failed('closed'); });
}

function werift() {
    const { DtlsClient, DtlsServer } = require('werift-dtls/lib/dtls/src/index.js');
    const udp = createSocket('udp4');
    const lose = (options.lose ?? '').split(',').map(Number), miss = (options.miss ?? '').split(',').map(Number);
    let peer = [port, options.host], sent = 0, received = 0;
    const transport = { type: 'udp', closed: false, onData() {}, async close() { udp.close(); },
        async send(data) { if (!lose.includes(++sent)) udp.send(data, ...peer); } };
    udp.on('message', (data, from) => {
        peer = [from.port, from.address];
        if (!miss.includes(++received)) transport.onData(data, [from.address, from.port]);
    });
    const isServer = options.role === 'server';
    const settings = { cert: pem('cert')?.toString(), key: pem('key')?.toString(), extendedMasterSecret: true,
        signatureHash: { hash: 4, signature: 3 }, certificateRequest: options.asks === 'on' };
    if (isServer) {
        udp.bind(port, options.host, () => console.log('READY'));
        const server = new DtlsServer({ ...settings, transport });
        server.onConnect.subscribe(() => {
            const shown = server.cipher.remoteCertificate;
            isUp = true;
            console.log('HANDSHAKE');
            if (shown) console.log('CERTIFICATE ' + createHash('sha256').update(shown).digest('hex'));
        });
        server.onData.subscribe((data) => server.send(data));
        server.onClose.subscribe(() => end(0, 'CLOSED'));
        server.onError.subscribe(failed);
        return;
    }
    let take;
    const client = new DtlsClient({ ...settings, transport });
    client.onConnect.subscribe(() => { take = echo((data) => client.send(data), () => client.close()); });
    client.onData.subscribe((data) => take(data));
    client.onError.subscribe(failed);
    client.connect().catch(failed);
}

({ 'node-dtls-client': nodeDtlsClient, nodertc, werift })[stack]();
