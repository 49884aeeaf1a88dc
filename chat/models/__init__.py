from chat.models.chunk import Chunk, IndexedDocument
from chat.models.conversation import Conversation, Message

__all__ = ["Chunk", "Conversation", "IndexedDocument", "Message"]
