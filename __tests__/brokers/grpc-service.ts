/** A service of gRPC, without a file for it. */
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';

/** `shop.Orders`: `Place` answers once, `Watch` streams. */
export const ORDERS: PackageDefinition = fromJSON({
  nested: {
    shop: {
      nested: {
        Order: { fields: { text: { type: 'string', id: 1 } } },
        Answer: { fields: { text: { type: 'string', id: 1 } } },
        Orders: {
          methods: {
            Place: { requestType: 'Order', responseType: 'Answer', comment: '' },
            Watch: { requestType: 'Order', responseType: 'Answer', responseStream: true, comment: '' },
          },
        },
      },
    },
  },
});
