namespace Sluice.Formats.Hashing;

/// <summary>What inputs that are hashed side by side have in common.</summary>
/// <param name="Blocks">Blocks of 64 bytes in each input.</param>
/// <param name="Counter">Chunk number of the first input.</param>
/// <param name="CounterStep">1 for chunks, 0 for parents.</param>
/// <param name="First">Flag of the first block.</param>
/// <param name="Last">Flag of the last block.</param>
/// <param name="Always">Flag of every block.</param>
internal readonly record struct Blake3Shape(int Blocks, ulong Counter, uint CounterStep, uint First, uint Last, uint Always)
{
    /// <summary>Bytes of one input.</summary>
    public int Stride => Blocks * Blake3Layout.BlockSize;

    public uint Flags(int block) => Always | (block == 0 ? First : 0) | (block == Blocks - 1 ? Last : 0);
}
