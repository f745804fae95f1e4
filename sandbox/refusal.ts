/** An answer other than 2xx that a carrier gives on purpose. The words name fields, never what stands in them. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
