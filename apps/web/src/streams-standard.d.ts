/**
 * In the streams standard, but not in the compiler's DOM library. The server's sources, which are
 * read here for their types, use it.
 *
 * @see https://streams.spec.whatwg.org/#dom-transformer-cancel
 */
interface Transformer<I, O> {
  cancel?: (reason: unknown) => void | PromiseLike<void>;
}
