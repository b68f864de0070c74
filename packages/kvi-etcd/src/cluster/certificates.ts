/** Certificates for TLS, in PEM. */
export interface Certificates {
  /** The authorities to trust. Default: those that Node trusts. */
  ca?: string | Buffer | undefined;
  /** The client's certificate, with `key`. */
  cert?: string | Buffer | undefined;
  key?: string | Buffer | undefined;
}

/** Returns the current certificates; called for each new connection. */
export type CertificateSource = () => Certificates | Promise<Certificates>;
