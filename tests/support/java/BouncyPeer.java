import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.SecureRandom;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Vector;
import org.bouncycastle.crypto.params.AsymmetricKeyParameter;
import org.bouncycastle.crypto.util.PrivateKeyFactory;
import org.bouncycastle.tls.*;
import org.bouncycastle.tls.crypto.TlsCertificate;
import org.bouncycastle.tls.crypto.TlsCryptoParameters;
import org.bouncycastle.tls.crypto.impl.bc.BcDefaultTlsCredentialedSigner;
import org.bouncycastle.tls.crypto.impl.bc.BcTlsCrypto;

/**
 * A DTLS 1.2 echo client or server on Bouncy Castle, the stack of Java's gateways and SIP servers. Options are
 * NAME=VALUE: host, port; role=server; ca, cert, key (PEM: who has signed the other side's, own); psk (IDENTITY:KEY in
 * hex); suite (its number, hex); name; messages; lose, miss: numbers, from 1, of datagrams to and from a client that
 * are lost. Output is lines: READY, HANDSHAKE, ECHOED N of N, CLOSED, FAILED. A server ends with its first client. Exit
 * status: 0; 1 an echo is lost or differs; 3 no session.
 */
public class BouncyPeer {
    static final Map<String, String> options = new HashMap<>(Map.of("host", "127.0.0.1", "port", "4433", "messages",
        "20", "role", "client", "name", "localhost", "lose", "0", "miss", "0"));
    static final BcTlsCrypto crypto = new BcTlsCrypto(new SecureRandom());

    static byte[] der(String name) throws IOException {
        return Base64.getMimeDecoder().decode(Files.readString(Path.of(options.get(name))).replaceAll("-----[^-]*-----", ""));
    }

    static String identity() {
        return options.get("psk").replaceAll(":[^:]*$", "");
    }

    static byte[] secret() {
        return java.util.HexFormat.of().parseHex(options.get("psk").replaceAll("^.*:", ""));
    }

    static int[] suites(int[] otherwise) {
        return options.containsKey("suite") ? new int[] {Integer.parseInt(options.get("suite"), 16)} : otherwise;
    }

    /** Verifies that the leaf is one that the authority has signed; Java's own, not Bouncy Castle's. */
    static void verify(Certificate chain) throws IOException {
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            var authority = factory.generateCertificate(new ByteArrayInputStream(der("ca")));
            factory.generateCertificate(new ByteArrayInputStream(chain.getCertificateAt(0).getEncoded()))
                .verify(authority.getPublicKey());
        } catch (Exception exception) {
            throw new TlsFatalAlert(AlertDescription.unknown_ca, exception);
        }
    }

    static TlsCredentialedSigner signer(TlsContext context) throws IOException {
        AsymmetricKeyParameter key = PrivateKeyFactory.createKey(der("key"));
        boolean isRsa = key instanceof org.bouncycastle.crypto.params.RSAKeyParameters;
        return new BcDefaultTlsCredentialedSigner(new TlsCryptoParameters(context), crypto, key,
            new Certificate(new TlsCertificate[] {crypto.createCertificate(der("cert"))}),
            new SignatureAndHashAlgorithm(HashAlgorithm.sha256, isRsa ? SignatureAlgorithm.rsa : SignatureAlgorithm.ecdsa));
    }

    static class Client extends DefaultTlsClient {
        Client() { super(crypto); }
        @Override protected ProtocolVersion[] getSupportedVersions() { return ProtocolVersion.DTLSv12.only(); }
        @Override protected int[] getSupportedCipherSuites() { return suites(super.getSupportedCipherSuites()); }
        @Override protected Vector getSNIServerNames() {
            return new Vector<>(Arrays.asList(new ServerName(NameType.host_name, options.get("name").getBytes(StandardCharsets.US_ASCII))));
        }
        @Override public TlsAuthentication getAuthentication() {
            return new TlsAuthentication() {
                @Override public void notifyServerCertificate(TlsServerCertificate server) throws IOException {
                    verify(server.getCertificate());
                }
                @Override public TlsCredentials getClientCredentials(CertificateRequest request) throws IOException {
                    return options.containsKey("cert") ? signer(context) : null;
                }
            };
        }
    }

    static class PskClient extends PSKTlsClient {
        PskClient() { super(crypto, new BasicTlsPSKIdentity(identity(), secret())); }
        @Override protected ProtocolVersion[] getSupportedVersions() { return ProtocolVersion.DTLSv12.only(); }
        @Override protected int[] getSupportedCipherSuites() { return suites(super.getSupportedCipherSuites()); }
    }

    static class Server extends DefaultTlsServer {
        Server() { super(crypto); }
        @Override protected ProtocolVersion[] getSupportedVersions() { return ProtocolVersion.DTLSv12.only(); }
        @Override protected int[] getSupportedCipherSuites() { return suites(super.getSupportedCipherSuites()); }
        @Override protected TlsCredentialedSigner getECDSASignerCredentials() throws IOException { return signer(context); }
        @Override public CertificateRequest getCertificateRequest() {
            return !options.containsKey("ca") ? null : new CertificateRequest(new short[] {ClientCertificateType.ecdsa_sign},
                TlsUtils.getDefaultSupportedSignatureAlgorithms(context), null);
        }
        @Override public void notifyClientCertificate(Certificate chain) throws IOException {
            if (chain.isEmpty())
                throw new TlsFatalAlert(AlertDescription.handshake_failure);
            verify(chain);
        }
    }

    static class PskServer extends PSKTlsServer {
        PskServer() {
            super(crypto, new TlsPSKIdentityManager() {
                @Override public byte[] getHint() { return "a hint".getBytes(StandardCharsets.UTF_8); }
                @Override public byte[] getPSK(byte[] from) {
                    return new String(from, StandardCharsets.UTF_8).equals(identity()) ? secret() : null;
                }
            });
        }
        @Override protected ProtocolVersion[] getSupportedVersions() { return ProtocolVersion.DTLSv12.only(); }
        @Override protected int[] getSupportedCipherSuites() { return suites(super.getSupportedCipherSuites()); }
    }

    /** A network that loses chosen datagrams. */
    static class Lossy extends UDPTransport {
        int sent, received;
        Lossy(DatagramSocket socket) throws IOException { super(socket, 1500); }
        static boolean isIn(String name, int number) {
            return Arrays.asList(options.get(name).split(",")).contains(Integer.toString(number));
        }
        @Override public void send(byte[] bytes, int at, int len) throws IOException {
            if (!isIn("lose", ++sent))
                super.send(bytes, at, len);
        }
        @Override public int receive(byte[] bytes, int at, int len, int timeout) throws IOException {
            int got = super.receive(bytes, at, len, timeout);
            return got >= 0 && isIn("miss", ++received) ? -1 : got;
        }
    }

    static boolean echo(DTLSTransport session, byte[] message) throws IOException {
        byte[] buffer = new byte[8192];
        for (int tries = 0; tries < 5; tries++) {
            session.send(message, 0, message.length);
            int got = session.receive(buffer, 0, buffer.length, 1000);
            if (got >= 0)
                return Arrays.equals(message, Arrays.copyOf(buffer, got));
        }
        return false;
    }

    static int client() throws Exception {
        DatagramSocket socket = new DatagramSocket();
        socket.connect(InetAddress.getByName(options.get("host")), Integer.parseInt(options.get("port")));
        DTLSTransport session = new DTLSClientProtocol().connect(options.containsKey("psk") ? new PskClient() : new Client(), new Lossy(socket));
        System.out.println("HANDSHAKE");
        int equal = 0, messages = Integer.parseInt(options.get("messages"));
        for (int i = 0; i < messages; i++) {
            byte[] message = new byte[1 + i * 61 % 1300];
            Arrays.fill(message, (byte)('a' + i % 26));
            equal += echo(session, message) ? 1 : 0;
        }
        session.close();
        System.out.println("ECHOED " + equal + " of " + messages);
        return equal == messages ? 0 : 1;
    }

    static int server() throws Exception {
        DatagramSocket socket = new DatagramSocket(new InetSocketAddress(options.get("host"), Integer.parseInt(options.get("port"))));
        byte[] buffer = new byte[8192];
        DTLSVerifier verifier = new DTLSVerifier(crypto);
        DTLSRequest request = null;
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        System.out.println("READY");
        while (request == null) {
            packet.setLength(buffer.length);
            socket.receive(packet);
            request = verifier.verifyRequest(packet.getAddress().getAddress(), buffer, 0, packet.getLength(), new DatagramSender() {
                @Override public int getSendLimit() { return 1400; }
                @Override public void send(byte[] bytes, int at, int len) throws IOException {
                    socket.send(new DatagramPacket(bytes, at, len, packet.getSocketAddress()));
                }
            });
        }
        socket.connect(packet.getSocketAddress());
        DTLSTransport session = new DTLSServerProtocol().accept(options.containsKey("psk") ? new PskServer() : new Server(), new Lossy(socket), request);
        System.out.println("HANDSHAKE");
        for (int served = 0; served < Integer.parseInt(options.get("messages"));) {
            int got = session.receive(buffer, 0, buffer.length, 20000);
            if (got < 0)
                break;
            session.send(buffer, 0, got);
            served++;
        }
        session.close();
        System.out.println("CLOSED");
        return 0;
    }

    public static void main(String[] arguments) {
        int status = 3;
        try {
            for (String argument : arguments)
                options.put(argument.substring(0, argument.indexOf('=')), argument.substring(argument.indexOf('=') + 1));
            status = options.get("role").equals("server") ? server() : client();
        } catch (Exception exception) {
            System.out.println("FAILED " + exception);
        }
        System.exit(status);
    }
}
