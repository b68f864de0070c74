/** Certificates for TLS, in PEM. */
export interface Certificates {
  /** The authorities to trust. Default: those that Node trusts, `NODE_EXTRA_CA_CERTS` included. */
  ca?: string | Buffer | undefined;
  /** The client's certificate, with `key`. */
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
}

/** Returns the current certificates; called for each new connection. */
export type CertificateSource = () => Certificates | Promise<Certificates>;
