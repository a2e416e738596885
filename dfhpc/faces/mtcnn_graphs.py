"""R-Net and O-Net, and P-Net where a GPU runs it, as graphs of ONNX."""

from typing import Any

import numpy as np

from dfhpc.faces.mtcnn_weights import Layer, Network, Weights

OPSET = 17

POOLS = {
    "pnet": ((2, "SAME_UPPER"), None, None),
    "rnet": ((3, "SAME_UPPER"), (3, "VALID"), None),
    "onet": ((3, "SAME_UPPER"), (3, "VALID"), (2, "SAME_UPPER"), None),
}
"""Side and padding of the pool after each convolution, all of stride 2."""


def graph(name: str, network: Network) -> bytes:
    """Return a network as a serialized model.

    Takes ``pixels``, float32 (faces, 3, height, width), from -1 to 1. Gives the
    heads in their order; of the two classes, the last, the probability of a face.
    """
    import onnx

    writer = _Writer()
    value = "pixels"
    convolutions = [layer for layer in network.body if layer.weights.ndim == 4]
    for layer, pool in zip(convolutions, POOLS[name], strict=True):
        value = writer.convolution(value, layer)
        if pool is not None:
            value = writer.pool(value, *pool)
    dense = network.body[len(convolutions) :]
    if dense:
        value = writer.flatten(value)
    for layer in dense:
        value = writer.dense(value, layer)
    apply = writer.dense if dense else writer.convolution
    outputs = [apply(value, layer) for layer in network.heads]
    outputs[-1] = writer.softmax(outputs[-1])
    return writer.model(name, outputs, onnx)


class _Writer:
    """Collects nodes and weights."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []

    def _constant(self, array: Weights) -> str:
        from onnx import numpy_helper

        name = f"w{len(self._weights)}"
        array = np.ascontiguousarray(array)
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def convolution(self, value: str, layer: Layer) -> str:
        """Add a convolution and the PReLU after it."""
        weights = self._constant(layer.weights.transpose(3, 2, 0, 1))
        value = self._node("Conv", value, weights, self._constant(layer.bias))
        return self._prelu(value, layer, (-1, 1, 1))

    def pool(self, value: str, side: int, padding: str) -> str:
        """Add a pool of the greatest value."""
        return self._node(
            "MaxPool",
            value,
            kernel_shape=[side, side],
            strides=[2, 2],
            auto_pad=padding,
        )

    def flatten(self, value: str) -> str:
        """Add the order of values that the dense layers were trained with."""
        # Columns, rows, channels; from channels, rows, columns.
        turned = self._node("Transpose", value, perm=[0, 3, 2, 1])
        return self._node("Flatten", turned)

    def dense(self, value: str, layer: Layer) -> str:
        """Add a dense layer and the PReLU after it."""
        weights, bias = self._constant(layer.weights), self._constant(layer.bias)
        return self._prelu(self._node("Gemm", value, weights, bias), layer, (-1,))

    def _prelu(self, value: str, layer: Layer, shape: tuple[int, ...]) -> str:
        if layer.slope is None:
            return value
        return self._node("PRelu", value, self._constant(layer.slope.reshape(shape)))

    def softmax(self, value: str) -> str:
        """Add the probabilities of the classes."""
        return self._node("Softmax", value, axis=1)

    def model(self, name: str, outputs: list[str], onnx: Any) -> bytes:
        """Return it all."""
        helper, kind = onnx.helper, onnx.TensorProto.FLOAT
        pixels = helper.make_tensor_value_info(
            "pixels", kind, ["faces", 3, "height", "width"]
        )
        found = [helper.make_tensor_value_info(each, kind, None) for each in outputs]
        body = helper.make_graph(
            self._nodes, name, [pixels], found, initializer=self._weights
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(body, opset_imports=opset, ir_version=8)
        serialized: bytes = model.SerializeToString()
        return serialized
