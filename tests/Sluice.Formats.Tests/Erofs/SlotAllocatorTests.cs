using Sluice.Formats.Erofs;

namespace Sluice.Formats.Tests.Erofs;

public sealed class SlotAllocatorTests
{
    [Theory]
    [InlineData(512)]
    [InlineData(4096)]
    public void Places_are_aligned_apart_and_within_their_limits(int blockSize)
    {
        var random = new Random(blockSize);
        var allocator = new SlotAllocator(8192, blockSize);
        var taken = new List<(long Start, long End)>();
        long asked = 0;
        for (int i = 0; i < 5000; i++)
        {
            int size = random.Next(32, blockSize + 1);
            long place;
            switch (random.Next(10))
            {
                case 0:
                    size *= random.Next(1, 5);
                    place = allocator.PlaceBlocks(size);
                    Assert.Equal(0, place % blockSize);
                    break;
                case < 5:
                    place = allocator.PlaceInOneBlock(size);
                    Assert.True((place % blockSize) + size <= blockSize);
                    break;
                default:
                    place = allocator.Place(size);
                    break;
            }

            Assert.Equal(0, place % 32);
            taken.Add((place, place + size));
            asked += size;
        }

        taken.Sort();
        for (int i = 1; i < taken.Count; i++) Assert.True(taken[i - 1].End <= taken[i].Start);
        Assert.True(taken[^1].End <= allocator.End);
        Assert.True(allocator.End < 8192 + (asked * 13 / 10), "rests of blocks are filled");
    }
}
