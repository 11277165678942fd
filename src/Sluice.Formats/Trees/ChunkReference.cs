namespace Sluice.Formats.Trees;

/// <summary>A chunk of a file's content: chunk <paramref name="Chunk"/> of blob <paramref name="Blob"/>, both counted from 0 in the image's tables.</summary>
public readonly record struct ChunkReference(int Blob, int Chunk);
