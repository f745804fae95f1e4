import { createTransport } from 'nodemailer';

export interface Mail {
  /** One bare address; a comma in it does not make two. */
  to: string;
  subject: string;
  text: string;
  html?: string;
  /** BCP 47. */
  language?: string;
  replyTo?: string | undefined;
  /** Our key of this mail, the same at each try: the Message-ID is made from it, so that a repeat can be dropped. */
  messageId: string;
}

export type Mailer = ReturnType<typeof createMailer>;

/** Sends mail over `smtp://` or `smtps://user:password@host:port`. Every failure to send may be retried. */
export function createMailer(options: { smtpUrl: string; from: string }) {
  const domain = /@([^\s>]+)>?\s*$/.exec(options.from)?.[1];
  if (!domain) throw new Error(`mail: "from" must be an address, "a@b.c" or "Name <a@b.c>", but is "${options.from}"`);
  const transport = createTransport({
    url: options.smtpUrl,
    pool: true,
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 15_000,
  });

  return {
    async send({ to, messageId, language, replyTo, ...content }: Mail): Promise<void> {
      await transport.sendMail({
        ...content,
        from: options.from,
        to: { name: '', address: to },
        ...(replyTo !== undefined && { replyTo: { name: '', address: replyTo } }),
        messageId: `<${encodeURIComponent(messageId)}@${domain}>`,
        // Answering machines stay silent: RFC 3834.
        headers: {
          'Auto-Submitted': 'auto-generated',
          ...(language !== undefined && { 'Content-Language': language }),
        },
        disableFileAccess: true,
        disableUrlAccess: true,
      });
    },
    close(): void {
      transport.close();
    },
  };
}
