from chat.models.chunk import Chunk
from chat.models.conversation import Conversation, Message

__all__ = ["Chunk", "Conversation", "Message"]
