/**
 * In the streams standard, but not in the compiler's DOM library. The server's sources, which are
 * read here for their types, use it.
 *
 * @see https://streams.spec.whatwg.org/#dom-transformer-cancel
 */
// oxlint-disable-next-line no-unused-vars -- the parameters must be those of the library's interface
interface Transformer<I = any, O = any> {
  cancel?: (reason: unknown) => void | PromiseLike<void>;
}
